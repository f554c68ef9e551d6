"""Recording how services fare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.types.base import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from db.metric_drafts import RequestDraft, SampleDraft
from resolvers.record_metrics import MOST_METRICS, resolve_record_metrics
from resolvers.user_errors import Refused
from schema.costs import FEW
from schema.relay import Info
from schema.roster import REPLAYED, USER_ERRORS
from schema.roster_inputs import KEY_DESCRIPTION
from schema.scalars import JSON, BigInt
from schema.user_errors import UserError, user_errors_of

AT = "When it was: now by default, at most five minutes from now, no longer ago than metrics are kept."
SERVICE = "The service that it is of, at most 100 characters."


@strawberry.input(
    description="A number that a service measured. By what these metrics are called, the health of the service shows them: "
    "response_time (milliseconds, one sample for a request), error_rate and db_pool_usage (0 to 1), cpu_percent, memory_mib."
)
class MetricSampleInput:
    service_name: str = strawberry.field(description=SERVICE)
    metric_name: str = strawberry.field(description="What was measured, at most 100 characters.")
    value: float = strawberry.field(description="The number; finite.")
    at: datetime | None = strawberry.field(default=None, description=AT)
    tags: JSON | None = strawberry.field(
        default=None,
        description="What else there is to say: an object of at most 1 KiB of JSON. Keys that name a person are dropped.",
    )


@strawberry.input(description="A request that a service answered. Requests are added up by the minute.")
class RequestMetricInput:
    service_name: str = strawberry.field(description=SERVICE)
    endpoint: str = strawberry.field(
        description="What was asked for, at most 255 characters: a route such as /users/{id}, not an address with ids in it."
    )
    method: str = strawberry.field(description="How, such as GET; at most 20 characters.")
    status_code: int = strawberry.field(description="The status of the answer, 100 to 599; from 500 on it is an error.")
    response_time_ms: float = strawberry.field(description="How long it took, in milliseconds.")
    payload_bytes: BigInt | None = strawberry.field(default=None, description="How long the answer is, where known.")
    at: datetime | None = strawberry.field(default=None, description=AT)


def _name_directly(input_type: type) -> None:
    """Strawberry's own conversion takes longer than all the rest; values of leaf types only have to be named."""
    definition = get_object_definition(input_type, strict=True)
    names = {to_camel_case(field.python_name): field.python_name for field in definition.fields}

    def convert(cls: type, given: Mapping[str, Any], context: Any) -> Any:
        return input_type(**{names[name]: value for name, value in given.items()})

    convert_from: Callable[..., Any] = convert
    definition.from_input = convert_from


_name_directly(MetricSampleInput)
_name_directly(RequestMetricInput)


@strawberry.input(description=f"How services fare; at most {MOST_METRICS} samples and requests together.")
class RecordMetricsInput:
    samples: list[MetricSampleInput] = strawberry.field(default_factory=list, description="Numbers at instants.")
    requests: list[RequestMetricInput] = strawberry.field(
        default_factory=list, description="Requests that were answered."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="What became of the metrics: all of them were recorded, or none.")
class RecordMetricsPayload:
    accepted: int = strawberry.field(default=0, description="How many samples and requests were recorded now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    dropped_keys: list[str] = strawberry.field(
        default_factory=list,
        description="The keys of tags that were not kept since they name a person.",
        directives=FEW,
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class RecordMetricsMutation:
    @strawberry.mutation(description="Records how services of the organization fare. Needs INGEST.")
    async def record_metrics(
        self, info: Info, input: Annotated[RecordMetricsInput, strawberry.argument(description="The metrics.")]
    ) -> RecordMetricsPayload:
        # One more than allowed is enough to be refused.
        samples = [
            SampleDraft(each.service_name, each.metric_name, each.value, each.at, each.tags)
            for each in input.samples[: MOST_METRICS + 1]
        ]
        requests = [
            RequestDraft(
                each.service_name,
                each.endpoint,
                each.method,
                each.status_code,
                each.response_time_ms,
                each.payload_bytes,
                each.at,
            )
            for each in input.requests[: MOST_METRICS + 1]
        ]
        try:
            done = await resolve_record_metrics(info.context, input.idempotency_key, samples, requests)
        except Refused as refused:
            return RecordMetricsPayload(user_errors=user_errors_of(refused.errors))
        return RecordMetricsPayload(accepted=done.accepted, replayed=done.replayed, dropped_keys=done.dropped_keys)

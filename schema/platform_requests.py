"""How requests fared, by endpoint."""

from __future__ import annotations

from typing import Self

import strawberry

from db.queries.platform_requests import EndpointFigures, RequestOrder
from schema.costs import assumed
from schema.enums import describe_enum
from schema.scalars import BigInt

describe_enum(
    RequestOrder,
    "ApiMetricOrder",
    "What endpoints are sorted by, the largest first.",
    {
        "REQUESTS": "How many requests there were.",
        "P95": "How long 95 of 100 requests took at most.",
        "ERROR_RATE": "The share of requests that failed.",
    },
)
P95 = (
    "How long 95 of 100 requests took at most, in milliseconds: the upper bound of the bucket of a histogram, each of which is "
    "10 % wider than the one before, so that it is at most 10 % too long."
)
ERROR_RATE = "The share of them, 0 to 1, that failed by a fault of the service (a status of 500 or more)."


@strawberry.type(description="How many requests were answered with a status.")
class StatusCodeCount:
    status: int = strawberry.field(description="The status.")
    count: BigInt = strawberry.field(description="How many.")


@strawberry.type(
    description="How the requests to an endpoint fared. Operations of this gateway are endpoints, too: by name where their document "
    "is registered, all others as `other`; their status is what their first error would be over HTTP. Subscriptions are none."
)
class ApiMetric:
    service_name: str = strawberry.field(description="The service.")
    endpoint: str = strawberry.field(description="The endpoint: a route, or an operation.")
    method: str = strawberry.field(description="The method, or the kind of an operation.")
    requests: BigInt = strawberry.field(description="How many requests there were.")
    avg_response_time_ms: float = strawberry.field(description="How long they took on average, in milliseconds.")
    p95_response_time_ms: float = strawberry.field(description=P95)
    error_rate: float = strawberry.field(description=ERROR_RATE)
    status_codes: list[StatusCodeCount] = strawberry.field(
        description="How they were answered, by status.", directives=[assumed(5)]
    )
    avg_payload_bytes: float | None = strawberry.field(
        description="How long answers were on average, of those of which it is known; null where it is of none."
    )

    @classmethod
    def from_figures(cls, figures: EndpointFigures) -> Self:
        return cls(
            service_name=figures.service_name,
            endpoint=figures.endpoint,
            method=figures.method,
            requests=BigInt(figures.requests),
            avg_response_time_ms=figures.mean_ms,
            p95_response_time_ms=figures.p95_ms,
            error_rate=figures.error_rate,
            status_codes=[
                StatusCodeCount(status=status, count=BigInt(count)) for status, count in figures.statuses.items()
            ],
            avg_payload_bytes=figures.mean_payload,
        )

"""Recording how services fare: all of a call or nothing of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.metric_drafts import RequestDraft, SampleDraft, request_problems, sample_problems
from db.personal_keys import without_personal_keys
from db.queries.platform_metric_writes import Sample, insert_requests, insert_samples
from db.request_sums import RequestKey, RequestRow, RequestSums
from resolvers.attempt_errors import problem_errors
from resolvers.context import Context
from resolvers.keyed_changes import change
from resolvers.permissions import Permission
from resolvers.user_errors import Refused, UserError, ValidationError

MOST_METRICS = 5000
MOST_ERRORS = 10


@dataclass(frozen=True, slots=True)
class RecordedMetrics:
    """``accepted`` counts samples and requests; ``dropped_keys`` are those of tags that were not kept."""

    accepted: int
    replayed: bool
    dropped_keys: list[str]


async def resolve_record_metrics(
    context: Context, key: str | None, samples: Sequence[SampleDraft], requests: Sequence[RequestDraft]
) -> RecordedMetrics:
    """Raises Refused, and then nothing was written; Unauthenticated."""
    settings = context.services.settings
    now = datetime.now(UTC)
    words = settings.personal_words
    dropped: dict[str, None] = {}

    def body() -> dict[str, Any]:
        refuse_nonsense(samples, requests, now, settings.metrics_retention_days)
        # What names a person is not kept with a key either.
        kept = [{**_said(draft), "tags": without_personal_keys(draft.tags, words)[0]} for draft in samples]
        return {"samples": kept, "requests": [_said(draft) for draft in requests]}

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        kept = [_sample(draft, now, words, dropped) for draft in samples]
        await insert_samples(connection, viewer.organization_id, kept)
        await insert_requests(connection, viewer.organization_id, summed(requests, now))
        return []

    done = await change(context, Permission.INGEST, "recordMetrics", key, body, work)
    return RecordedMetrics(0 if done.replayed else len(samples) + len(requests), done.replayed, list(dropped))


def refuse_nonsense(
    samples: Sequence[SampleDraft], requests: Sequence[RequestDraft], now: datetime, retention_days: int
) -> None:
    """Raises Refused, with the first ten things that are wrong."""
    if len(samples) + len(requests) > MOST_METRICS:
        raise Refused(ValidationError(f"At most {MOST_METRICS} samples and requests at once.", ("input",), "SIZE"))
    errors: list[UserError] = []
    for place, sample in enumerate(samples):
        problems = sample_problems(sample, now, retention_days)
        errors += problem_errors(problems, ("input", "samples", str(place)))
    for place, request in enumerate(requests):
        problems = request_problems(request, now, retention_days)
        errors += problem_errors(problems, ("input", "requests", str(place)))
    if errors:
        raise Refused(*errors[:MOST_ERRORS])


def summed(requests: Sequence[RequestDraft], now: datetime) -> list[RequestRow]:
    """The requests by the minute."""
    minutes: defaultdict[datetime, RequestSums] = defaultdict(RequestSums)
    for draft in requests:
        key = RequestKey(draft.service_name, draft.endpoint, draft.method, draft.status_code)
        minute = (draft.at or now).replace(second=0, microsecond=0)
        minutes[minute].of(key).add(draft.response_time_ms, draft.payload_bytes)
    return [row for minute, sums in sorted(minutes.items()) for row in sums.take(minute)]


def _sample(draft: SampleDraft, now: datetime, words: Collection[str], dropped: dict[str, None]) -> Sample:
    tags, personal = without_personal_keys(draft.tags or {}, words)
    dropped.update(dict.fromkeys(personal))
    return Sample(draft.service_name, draft.metric_name, draft.value, draft.at or now, tags)


def _said(draft: SampleDraft | RequestDraft) -> dict[str, Any]:
    return {name: value for name in draft.__slots__ if (value := getattr(draft, name)) is not None}

"""Samples and requests as services sent them, and everything that can be wrong with them, told before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import orjson

from db.attempt_drafts import metadata_problems
from db.event_drafts import instant_problems
from db.problems import Problem, text_problem

LARGEST_VALUE = 1e300
TAG_BYTES = 1024
LONGEST_REQUEST_MS = 86_400_000.0
LARGEST_PAYLOAD = 2**40
STATUSES = range(100, 600)
MOST_NAME, MOST_ENDPOINT, MOST_METHOD = 100, 255, 20


@dataclass(slots=True)
class SampleDraft:
    """A number that a service measured ``at`` an instant (None: now)."""

    service_name: str
    metric_name: str
    value: float
    at: datetime | None = None
    tags: Any = None


@dataclass(slots=True)
class RequestDraft:
    """A request that a service answered ``at`` an instant (None: now)."""

    service_name: str
    endpoint: str
    method: str
    status_code: int
    response_time_ms: float
    payload_bytes: int | None = None
    at: datetime | None = None


def sample_problems(draft: SampleDraft, now: datetime, retention_days: int) -> list[Problem]:
    problems = [
        *_name_problems("service_name", draft.service_name, MOST_NAME),
        *_name_problems("metric_name", draft.metric_name, MOST_NAME),
        *_number_problems("value", draft.value, -LARGEST_VALUE, LARGEST_VALUE),
        *instant_problems("at", draft.at, now, retention_days),
    ]
    return problems if draft.tags is None else problems + _tag_problems(draft.tags)


def request_problems(draft: RequestDraft, now: datetime, retention_days: int) -> list[Problem]:
    problems = [
        *_name_problems("service_name", draft.service_name, MOST_NAME),
        *_name_problems("endpoint", draft.endpoint, MOST_ENDPOINT),
        *_name_problems("method", draft.method, MOST_METHOD),
        *_number_problems("status_code", draft.status_code, STATUSES[0], STATUSES[-1]),
        *_number_problems("response_time_ms", draft.response_time_ms, 0, LONGEST_REQUEST_MS),
        *instant_problems("at", draft.at, now, retention_days),
    ]
    if draft.payload_bytes is not None:
        problems += _number_problems("payload_bytes", draft.payload_bytes, 0, LARGEST_PAYLOAD)
    return problems


def _name_problems(field: str, name: str, longest: int) -> list[Problem]:
    problem = text_problem(field, name, longest)
    return [problem] if problem else []


def _number_problems(field: str, value: float, least: float, most: float) -> list[Problem]:
    if isfinite(value) and least <= value <= most:
        return []
    return [Problem(field, "RANGE", f"A finite number from {least:g} to {most:g}.")]


def _tag_problems(tags: Any) -> list[Problem]:
    if not isinstance(tags, dict):
        return [Problem("tags", "FORMAT", "Tags are an object.")]
    if problems := metadata_problems(tags):
        return [Problem("tags", problem.rule, problem.message) for problem in problems]
    if len(orjson.dumps(tags)) > TAG_BYTES:
        return [Problem("tags", "SIZE", f"At most {TAG_BYTES} bytes of JSON.")]
    return []

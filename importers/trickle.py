"""A trickle of live attempts through the graph, as a learning platform would report them, so that boards move."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import structlog

from db.engine import DatabaseUnavailable
from db.queries.demo_people import LIST_LEARNERS
from importers.demo_data import SERVICE_PLACE
from importers.loader import Loader

RECORD = """
mutation Trickle($input: RecordAttemptInput!) {
  recordAttempt(input: $input) { replayed userErrors { message } }
}
"""
SHORTEST_WAIT_SECONDS = 0.05
LONGEST_BACKOFF_SECONDS = 60.0
TRIES_PER_ATTEMPT = 5

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """The gateway answered, but not with a recorded attempt."""


@dataclass(frozen=True, slots=True)
class Learner:
    """A present learner. What is past its deadline is not begun any more."""

    key: str
    due: Sequence[str]
    """Labs given to the learner's groups whose deadline is ahead."""
    free: Sequence[str]
    """Labs not given to them."""
    success_rate: float
    """How their attempts mostly go, 0 to 1."""


async def trickle(
    graphql_url: str,
    token: Callable[[], str],
    database_url: str,
    *,
    per_minute: float = 30,
    stop: asyncio.Event,
    random: Random | None = None,
) -> None:
    """Records attempts one at a time until ``stop`` is set, ``per_minute`` in the mean, never catching up.

    ``token`` gives a SERVICE token of the demonstration's organization and is asked each time, so that it may change.
    After an error it waits longer and longer (to a minute) and tries the same attempt with the same key again.
    """
    random = random or Random()
    failures = 0
    learners: list[Learner] = []
    pending: dict[str, Any] | None = None
    async with httpx.AsyncClient(timeout=10) as client:
        while not stop.is_set():
            try:
                learners = learners or await asyncio.to_thread(_list_learners, database_url)
                if not learners:
                    raise _Refused("there is nobody who could attempt anything")
                pending = pending or _imagine(random, learners)
                await _record(client, graphql_url, token(), pending)
            except (httpx.HTTPError, _Refused, DatabaseUnavailable, psycopg.Error, ValueError) as error:
                failures += 1
                wait = min(2.0 ** min(failures, 10), LONGEST_BACKOFF_SECONDS) * random.uniform(0.5, 1.0)
                log.warning("trickle_failed", error=type(error).__name__, reason=str(error)[:200], wait=round(wait, 1))
                if failures % TRIES_PER_ATTEMPT == 0:
                    # Perhaps it is this attempt that is not wanted, or the people are others now.
                    pending, learners = None, []
            else:
                failures, pending = 0, None
                wait = max(60 / per_minute * random.uniform(0.4, 1.6), SHORTEST_WAIT_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)


def _list_learners(database_url: str) -> list[Learner]:
    with Loader(database_url, SERVICE_PLACE) as loader:
        rows = loader.connection.execute(LIST_LEARNERS, {"slug": SERVICE_PLACE}).fetchall()
    return [Learner(str(key), due, free, float(rate)) for key, due, free, rate in rows]


def _imagine(random: Random, learners: Sequence[Learner]) -> dict[str, Any]:
    """The input of the mutation: somebody has just finished a try at a lab of theirs."""
    learner = random.choice(learners)
    labs = learner.due if learner.due and (random.random() < 0.5 or not learner.free) else learner.free
    success = random.random() < learner.success_rate
    score = random.gauss(84, 8) if success else random.gauss(38, 12)
    return {
        "idempotencyKey": f"trickle-{uuid4()}",
        "attempt": {
            "userExternalId": learner.key,
            "labType": random.choice(labs),
            "success": success,
            "completedAt": datetime.now(UTC).isoformat(),
            "completionTimeSeconds": round(random.lognormvariate(7.2, 0.5), 1),
            "score": round(min(max(score, 60.0), 100.0) if success else min(max(score, 0.0), 59.0), 1),
            "hintsUsed": min(int(random.expovariate(0.8)), 9),
            "errors": [] if success else [random.choice(("TIMEOUT", "PERMISSION_DENIED", "ASSERTION_FAILED"))],
            "skillMatch": round(min(max(random.gauss(0.72, 0.12), 0.0), 1.0), 3),
        },
    }


async def _record(client: httpx.AsyncClient, url: str, token: str, values: dict[str, Any]) -> None:
    """Sends one attempt. Raises httpx.HTTPError, ValueError (no JSON), _Refused."""
    response = await client.post(
        url,
        json={"query": RECORD, "variables": {"input": values}},
        headers={"Authorization": f"Bearer {token}"},
    )
    response.raise_for_status()
    answer = response.json()
    if not isinstance(answer, dict) or answer.get("errors"):
        errors = answer.get("errors") if isinstance(answer, dict) else None
        raise _Refused(str(errors[0].get("message") if errors else "not an answer of a graph"))
    recorded = (answer.get("data") or {}).get("recordAttempt")
    if not recorded:
        raise _Refused("the mutation gave nothing")
    if recorded["userErrors"]:
        raise _Refused(str(recorded["userErrors"][0]["message"]))

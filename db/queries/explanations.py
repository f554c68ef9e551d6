"""What a score is made of, and what is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from db.dependencies import ON_ORGANIZATION, on_users
from db.snapshot import Snapshot
from db.statement import sql


class ScoreInputs(NamedTuple):
    """What goes into the formula, in the order of its arguments."""

    on_time: int
    deadlines: int
    skill: Decimal
    skilled: int
    difficulty: Decimal
    rated: int


@dataclass(frozen=True, slots=True)
class Part:
    """One component's weight, its weight after those without data were dropped, and the points that it gives; unrounded."""

    weight: Decimal
    effective_weight: Decimal
    points: Decimal


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A score, unrounded, and what each component gives to it. A component without data has no points."""

    score: Decimal | None
    on_time: Part
    skill: Part
    difficulty: Part


# The formula itself says what each component gives: what comes out when the others achieved nothing. Its weight is what comes
# out, of 100, when it achieved everything; its effective weight the same where only some components have data.
BREAKDOWNS = sql(
    """
SELECT performance_score(i.on_time, i.deadlines, i.skill, i.skilled, i.difficulty, i.rated),
  performance_score(1, 1, 0, 1, 0, 1) / 100,
  performance_score(i.deadlines, i.deadlines, 0, i.skilled, 0, i.rated) / 100,
  performance_score(i.on_time, i.deadlines, 0, i.skilled, 0, i.rated),
  performance_score(0, 1, 1, 1, 0, 1) / 100,
  performance_score(0, i.deadlines, i.skilled, i.skilled, 0, i.rated) / 100,
  performance_score(0, i.deadlines, i.skill, i.skilled, 0, i.rated),
  performance_score(0, 1, 0, 1, 10, 1) / 100,
  performance_score(0, i.deadlines, 0, i.skilled, i.rated * 10, i.rated) / 100,
  performance_score(0, i.deadlines, 0, i.skilled, i.difficulty, i.rated)
FROM unnest(CAST(:on_time AS bigint[]), CAST(:deadlines AS bigint[]), CAST(:skill AS numeric[]), CAST(:skilled AS bigint[]),
  CAST(:difficulty AS numeric[]), CAST(:rated AS bigint[]))
  WITH ORDINALITY AS i (on_time, deadlines, skill, skilled, difficulty, rated, place)
ORDER BY i.place
""",
    # What it is given is all that it looks at.
    ON_ORGANIZATION,
)

EXCLUDED_ATTEMPTS = sql(
    """
SELECT user_id, reason, count(*)
FROM (
  SELECT user_id, CASE
    WHEN deleted_at IS NOT NULL THEN 'DELETED'
    WHEN status = 'STARTED' THEN 'NOT_FINISHED'
    WHEN NOT success THEN 'NOT_SUCCESSFUL'
    ELSE 'SUPERSEDED'
  END AS reason
  FROM attempts
  WHERE user_id = ANY (:ids) AND NOT counted AND occurred_at >= :start AND occurred_at < :end
) AS excluded
GROUP BY user_id, reason ORDER BY user_id, reason
""",
    on_users("ids"),
)


async def get_breakdowns(snapshot: Snapshot, inputs: Sequence[ScoreInputs]) -> list[Breakdown]:
    """In the order of the inputs."""
    columns = dict(zip(ScoreInputs._fields, zip(*inputs, strict=True), strict=True))
    zero = Decimal(0)
    found = []
    for row in await snapshot.rows(BREAKDOWNS, **columns):
        score, *numbers = (zero if number is None else number for number in row)
        parts = [Part(*numbers[place : place + 3]) for place in (0, 3, 6)]
        found.append(Breakdown(None if row[0] is None else score, *parts))
    return found


async def get_excluded_attempts(
    snapshot: Snapshot, user_ids: Sequence[int], start: datetime, end: datetime
) -> dict[int, list[tuple[str, int]]]:
    """By person: reasons, and how many attempts of [start, end) they keep out of the score."""
    found: dict[int, list[tuple[str, int]]] = {}
    for user_id, reason, attempts in await snapshot.rows(EXCLUDED_ATTEMPTS, ids=user_ids, start=start, end=end):
        found.setdefault(user_id, []).append((reason, attempts))
    return found

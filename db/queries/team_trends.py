"""What groups and organizations did over time, in slots between consecutive days or instants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from db.dependencies import ON_EVERYTHING, on_groups
from db.queries.group_stats import MEMBERS, THEIR_IDS, Attribution
from db.queries.measures import MEASURE_SUMS, SCORE_ARGUMENTS, Measures
from db.queries.rollups import parts_of
from db.snapshot import Snapshot
from db.statement import Statement, sql


class Team(StrEnum):
    """Whose attempts: those of a group's present members, or of whoever was in the group at the time; those in an
    organization, or the viewer's people's there. The key is the id of the group or organization.
    """

    MEMBERS_NOW = "MEMBERS_NOW"
    MEMBERS_THEN = "MEMBERS_THEN"
    ORGANIZATION = "ORGANIZATION"
    VISIBLE = "VISIBLE"


@dataclass(frozen=True, slots=True)
class TeamSlot:
    """What was done between two edges, by how many, and the mean of their scores over the tasks completed in it."""

    measures: Measures
    people: int
    mean_score: Decimal | None


_VISIBLE = "user_id = ANY (ARRAY(SELECT viewer_people()))"
_MEMBERS = {
    Team.MEMBERS_NOW: f"members AS MATERIALIZED ({MEMBERS[Attribution.CURRENT]}),",
    Team.MEMBERS_THEN: f"members AS MATERIALIZED ({MEMBERS[Attribution.AT_ATTEMPT]}),",
    Team.ORGANIZATION: "",
    Team.VISIBLE: "",
}
_WHOSE = {
    Team.MEMBERS_NOW: THEIR_IDS,
    Team.MEMBERS_THEN: THEIR_IDS,
    Team.ORGANIZATION: "organization_id = ANY (:keys)",
    Team.VISIBLE: f"organization_id = ANY (:keys) AND {_VISIBLE}",
}
_KEYED = {
    Team.MEMBERS_NOW: "SELECT m.group_id AS key, d.* FROM done d JOIN members m USING (user_id)",
    Team.MEMBERS_THEN: "SELECT m.group_id AS key, d.* FROM done d JOIN members m "
    "ON m.user_id = d.user_id AND d.place >= m.valid_from AND d.place < m.valid_to",
    Team.ORGANIZATION: "SELECT organization_id AS key, * FROM done",
    Team.VISIBLE: "SELECT organization_id AS key, * FROM done",
}

# Members are joined with what they did; without a join there is nothing to keep.
_ONCE = {
    Team.MEMBERS_NOW: "MATERIALIZED",
    Team.MEMBERS_THEN: "MATERIALIZED",
    Team.ORGANIZATION: "",
    Team.VISIBLE: "",
}
_DAYS = parts_of("user_days", "organization_id", "user_id", "day")


def slots_statement(team: Team, source: str, place: str, kind: str) -> Statement:
    """Slot n lies from edge n to edge n + 1. First per person, since a mean of scores is one over people."""
    return sql(
        f"""
WITH {_MEMBERS[team]}
done AS {_ONCE[team]} (
  SELECT *, {place} AS place, width_bucket({place}, CAST(:edges AS {kind}[])) AS slot FROM {source} AS d
  WHERE {_WHOSE[team]} AND {place} >= :first AND {place} < :end
),
each AS (SELECT key, slot, user_id, {MEASURE_SUMS} FROM ({_KEYED[team]}) AS keyed GROUP BY key, slot, user_id)
SELECT key, slot, {MEASURE_SUMS}, count(*) AS people, avg(performance_score({SCORE_ARGUMENTS})) AS mean_score
FROM each WHERE attempts > 0 GROUP BY key, slot
""",
        *((on_groups("keys"),) if team in (Team.MEMBERS_NOW, Team.MEMBERS_THEN) else ON_EVERYTHING),
    )


# A day in the rollup does not say who was in a group at the time.
SLOTS_BY_DAY: dict[Team, Statement] = {
    team: slots_statement(team, _DAYS, "day", "date") for team in Team if team is not Team.MEMBERS_THEN
}
SLOTS_BY_INSTANT = {team: slots_statement(team, "attempt_measures", "completed_at", "timestamptz") for team in Team}


async def get_team_slots_by_day(
    snapshot: Snapshot, keys: Sequence[int], team: Team, edges: Sequence[date]
) -> dict[int, dict[int, TeamSlot]]:
    """By key and slot, for slots in which something was done; from the rollup. Edges are local dates of the organization,
    ascending. Not for MEMBERS_THEN.
    """
    return _by_key(await snapshot.rows(SLOTS_BY_DAY[team], keys=keys, edges=edges, first=edges[0], end=edges[-1]))


async def get_team_slots_by_instant(
    snapshot: Snapshot, keys: Sequence[int], team: Team, edges: Sequence[datetime]
) -> dict[int, dict[int, TeamSlot]]:
    """The same from the attempts. Edges are instants, ascending."""
    return _by_key(await snapshot.rows(SLOTS_BY_INSTANT[team], keys=keys, edges=edges, first=edges[0], end=edges[-1]))


def _by_key(rows: Sequence[Mapping[str, Any]]) -> dict[int, dict[int, TeamSlot]]:
    found: dict[int, dict[int, TeamSlot]] = {}
    for row in rows:
        slot = TeamSlot(Measures.from_row(row), row["people"], row["mean_score"])
        found.setdefault(row["key"], {})[row["slot"]] = slot
    return found

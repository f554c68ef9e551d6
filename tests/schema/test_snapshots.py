"""Days of people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.asking import Asker

DAYS = """query ($person: String!, $period: PeriodInput!, $first: Int, $after: String, $last: Int, $before: String) {
  user(by: {externalId: $person}) {
    snapshots(period: $period, first: $first, after: $after, last: $last, before: $before) {
      totalCount { value } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      nodes { snapshotDate timeZone tasksCompletedToday cumulativeTasks dailyOnTimeRatio cumulativeOnTimeRatio
        dailyPerformanceScore cumulativePerformanceScore isFinal } } } }"""
MARCH = {"dates": {"from": "2026-03-01", "to": "2026-04-01"}}
MANAGER = {"person": "mia", "role": "MANAGER"}


async def days(ask: Asker, person: str, period: dict[str, Any] = MARCH, **variables: Any) -> dict[str, Any]:
    answer = await ask(DAYS, {"person": person, "period": period} | variables, **MANAGER)
    assert answer.errors == []
    return answer.data["user"]["snapshots"]  # type: ignore[index,no-any-return]


def row(day: str, *values: object) -> dict[str, object]:
    names = (
        "tasksCompletedToday",
        "cumulativeTasks",
        "dailyOnTimeRatio",
        "cumulativeOnTimeRatio",
        "dailyPerformanceScore",
        "cumulativePerformanceScore",
    )
    return {
        "snapshotDate": day,
        "timeZone": "Europe/Madrid",
        "isFinal": True,
        **dict(zip(names, values, strict=True)),
    }


async def test_each_day_and_where_it_ended(ask: Asker) -> None:
    found = await days(ask, "ben")
    assert found["nodes"] == [
        row("2026-03-02", 0, 0, None, None, None, None),
        row("2026-03-03", 1, 1, 1.0, 1.0, 87.0, 87.0),
        row("2026-03-09", 0, 1, None, 1.0, None, 87.0),
        # l2 alone: late, skill 0.7, difficulty 8 → 21 + 16
        row("2026-03-10", 1, 2, 0.0, 0.5, 37.0, 62.0),
        # past midnight in Madrid; nothing of it is scored
        row("2026-03-13", 1, 3, None, 0.5, None, 62.0),
    ]
    assert found["totalCount"]["value"] == "5"


async def test_days_before_the_period_are_in_what_is_cumulative(ask: Asker) -> None:
    found = await days(ask, "ben", {"dates": {"from": "2026-03-13", "to": "2026-03-14"}})
    assert found["nodes"] == [row("2026-03-13", 1, 3, None, 0.5, None, 62.0)]
    assert found["totalCount"]["value"] == "1"


async def test_a_day_that_the_period_touches_is_whole(ask: Asker) -> None:
    # The last minute of 10 March in Madrid, a minute after ben-4 was done.
    touched = {"range": {"from": "2026-03-10T22:59:00Z", "to": "2026-03-10T23:00:00Z"}}
    found = await days(ask, "ben", touched)
    assert found["nodes"] == [row("2026-03-10", 1, 2, 0.0, 0.5, 37.0, 62.0)]


async def test_the_day_on_which_clocks_go_forward(ask: Asker) -> None:
    found = await days(ask, "dan")
    assert found["nodes"] == [row("2026-03-29", 1, 1, 0.0, 0.0, 28.0, 28.0)]


async def test_a_person_without_attempts(ask: Asker) -> None:
    found = await days(ask, "gus")
    assert found["nodes"] == []
    assert found["totalCount"]["value"] == "0"
    assert found["pageInfo"]["endCursor"] is None


async def test_pages_join_to_the_whole_list(ask: Asker) -> None:
    whole = (await days(ask, "ben"))["nodes"]
    forward: list[Any] = []
    page = await days(ask, "ben", first=2)
    forward += page["nodes"]
    while page["pageInfo"]["hasNextPage"]:
        page = await days(ask, "ben", first=2, after=page["pageInfo"]["endCursor"])
        forward += page["nodes"]
    page = await days(ask, "ben", last=2)
    backward = page["nodes"]
    while page["pageInfo"]["hasPreviousPage"]:
        page = await days(ask, "ben", last=2, before=page["pageInfo"]["startCursor"])
        backward = page["nodes"] + backward
    assert forward == backward == whole


async def test_a_day_is_final_a_week_and_an_hour_after_its_midnight(fresh_ask: Asker) -> None:
    zone = ZoneInfo("Europe/Madrid")
    with fresh_ask.database.connect() as owner:
        owner.execute(
            """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
            SELECT u.organization_id, u.id, l.id, 'FAILED', now() - make_interval(hours => 12 * n)
            FROM users u JOIN organizations o ON o.id = u.organization_id AND o.slug = 'north'
            JOIN labs l ON l.organization_id = o.id AND l.type = 'l1', generate_series(0, 24) AS n
            WHERE u.external_id = 'gus'"""
        )
    now = datetime.now(UTC)
    found = await days(fresh_ask, "gus", {"lastDays": 14})
    assert len(found["nodes"]) >= 12
    final = {node["snapshotDate"]: node["isFinal"] for node in found["nodes"]}
    for day, is_final in final.items():
        closed = datetime.fromisoformat(day).replace(tzinfo=zone) + timedelta(days=8, hours=1)
        assert is_final == (closed <= now.astimezone(zone))
    assert set(final.values()) == {True, False}


async def test_late_data_is_in_the_days_after_it(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE attempts SET deleted_at = now() WHERE source_id = 'ben-2'")
    found = await days(fresh_ask, "ben")
    # ben-3 counts now, late with skill 0.9 and difficulty 5; 3 March has nothing left.
    assert found["nodes"][:2] == [
        row("2026-03-02", 0, 0, None, None, None, None),
        row("2026-03-09", 1, 1, 0.0, 0.0, 37.0, 37.0),
    ]
    assert found["totalCount"]["value"] == "4"


async def test_everybodys_days_are_one_statement(ask: Asker) -> None:
    document = """{ users { nodes { externalId snapshots(period: {lastDays: 365}, last: 1) { totalCount { value } nodes {
      snapshotDate } } } } }"""
    answer = await ask(document, **MANAGER)
    found = {
        node["externalId"]: [day["snapshotDate"] for day in node["snapshots"]["nodes"]]
        for node in answer.data["users"]["nodes"]
    }
    assert found["ben"] == ["2026-03-13"]
    assert found["cleo"] == ["2026-03-15"]
    # people, the organization's zone, their days, how many
    assert len(answer.statements) == 4


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ("first: 201", "first"),
        ('after: "WyJzbmFwc2hvdHMiLCIyMDI2LTAyLTMwIl0"', "after"),
        ("period: {lastDays: 0}", "lastDays"),
    ],
)
async def test_pages_that_cannot_be(ask: Asker, arguments: str, argument: str) -> None:
    answer = await ask(f'{{ user(by: {{externalId: "ben"}}) {{ snapshots({arguments}) {{ nodes {{ isFinal }} }} }} }}')
    assert answer.data == {"user": {"snapshots": None}}
    assert answer.codes == ["VALIDATION"]
    assert answer.errors[0]["extensions"]["argument"] == argument

"""Where scores went: hand-computed from the school, and random histories against a plain computation."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.loaders.trends import days_of
from resolvers.periods import Grain, PeriodSpec, buckets, resolve_period
from tests.asking import Asker
from tests.schema.histories import HISTORIES, MONDAY, Done, difference, live, score_of, shown, tasks_of

SUMMARY = """query ($person: String!, $period: PeriodInput!) {
  user(by: {externalId: $person}) { performance { trend(period: $period) {
    direction symbol change startScore endScore period { from to isPartial } } } } }"""
SERIES = """query ($person: String!, $period: PeriodInput!, $grain: TimeGrain!, $calendar: CalendarInput, $fill: GapFill! = NONE) {
  user(by: {externalId: $person}) { performanceTrend(period: $period, grain: $grain, calendar: $calendar, fill: $fill) {
    grain dataPoints freshness { source isStale }
    points { bucket { start end date label } performanceScore onTimeRatio skillAccuracy difficultyFactor tasksCompleted
      attempts { attempts successes tasksCompleted } }
    statistics { count average max min range } } } }"""
MARCH = {"dates": {"from": "2026-03-01", "to": "2026-04-01"}}


async def summary(ask: Asker, person: str, period: dict[str, Any]) -> dict[str, Any]:
    answer = await ask(SUMMARY, {"person": person, "period": period}, person="mia", role="MANAGER")
    assert answer.errors == []
    return answer.data["user"]["performance"]["trend"]  # type: ignore[index,no-any-return]


async def series(ask: Asker, person: str, **arguments: Any) -> dict[str, Any]:
    variables = {"person": person, "period": MARCH, "grain": "DAY"} | arguments
    answer = await ask(SERIES, variables, person="mia", role="MANAGER")
    assert answer.errors == []
    return answer.data["user"]["performanceTrend"]  # type: ignore[index,no-any-return]


def dates(first: str, end: str) -> dict[str, Any]:
    return {"dates": {"from": first, "to": end}}


# ben: 87.0 from 3 March (l1 in time, skill 0.9, difficulty 5), 62.0 from 10 March (l2 late, 0.7, 8); l4 on the 13th adds nothing
@pytest.mark.parametrize(
    ("person", "period", "expected"),
    [
        ("ben", dates("2026-03-05", "2026-03-12"), ("DOWN", "↓", -25.0, 87.0, 62.0)),
        ("cleo", dates("2026-03-10", "2026-03-20"), ("UP", "↑", 2.0, 90.0, 92.0)),
        ("ben", dates("2026-03-01", "2026-03-05"), ("UNKNOWN", "–", None, None, 87.0)),
        ("ben", dates("2026-01-01", "2026-02-01"), ("UNKNOWN", "–", None, None, None)),
        ("ben", {"lastDays": 30}, ("FLAT", "→", 0.0, 62.0, 62.0)),
        ("ben", dates("2100-01-01", "2100-02-01"), ("FLAT", "→", 0.0, 62.0, 62.0)),
        ("ben", {"allTime": True}, ("UNKNOWN", "–", None, None, 62.0)),
        ("gus", {"lastDays": 30}, ("UNKNOWN", "–", None, None, None)),
        # A task at the first instant belongs to the period, one at its end does not.
        (
            "ben",
            {"range": {"from": "2026-03-03T09:00:00Z", "to": "2026-03-10T22:30:00Z"}},
            ("UNKNOWN", "–", None, None, 87.0),
        ),
        (
            "ben",
            {"range": {"from": "2026-03-03T09:00:00.001Z", "to": "2026-03-10T22:30:00.001Z"}},
            ("DOWN", "↓", -25.0, 87.0, 62.0),
        ),
    ],
)
async def test_a_summary_compares_both_ends(
    ask: Asker, person: str, period: dict[str, Any], expected: tuple[object, ...]
) -> None:
    trend = await summary(ask, person, period)
    assert tuple(trend[name] for name in ("direction", "symbol", "change", "startScore", "endScore")) == expected


async def test_a_change_that_rounds_to_nothing_is_flat(fresh_ask: Asker) -> None:
    # Skill 0.9, then a mean of 0.8996: 90 and 89.96.
    with fresh_ask.database.connect() as owner:
        owner.execute(
            """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, skill_match)
            SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', v.at, v.skill
            FROM (VALUES ('l1', timestamptz '2026-05-01Z', 0.9), ('l2', '2026-05-03Z', 0.8992)) AS v (lab, at, skill)
            JOIN labs l ON l.type = v.lab JOIN users u ON u.external_id = 'gus' AND u.organization_id = l.organization_id
            JOIN organizations o ON o.id = l.organization_id AND o.slug = 'north'"""
        )
    trend = await summary(fresh_ask, "gus", dates("2026-05-02", "2026-05-04"))
    assert (trend["direction"], trend["change"], trend["endScore"]) == ("FLAT", 0.0, 90.0)
    assert str(trend["change"]) == "0.0"


async def test_a_summary_ends_now_until_its_period_is_over(ask: Asker) -> None:
    trend = await summary(ask, "ben", {"lastDays": 1})
    assert trend["period"]["isPartial"] is True
    assert trend["endScore"] == 62.0


async def test_a_series_has_a_point_for_each_day_with_data(ask: Asker) -> None:
    found = await series(ask, "ben")
    points = found["points"]
    assert [point["bucket"]["date"] for point in points] == [
        "2026-03-02",
        "2026-03-03",
        "2026-03-09",
        "2026-03-10",
        # 23:30 in London is past midnight in Madrid.
        "2026-03-13",
    ]
    assert [point["performanceScore"] for point in points] == [None, 87.0, 87.0, 62.0, 62.0]
    assert [point["onTimeRatio"] for point in points] == [None, 1.0, 1.0, 0.5, 0.5]
    assert [point["skillAccuracy"] for point in points] == [None, 0.9, 0.9, 0.8, 0.8]
    assert [point["difficultyFactor"] for point in points] == [None, 0.5, 0.5, 0.65, 0.65]
    assert [point["tasksCompleted"] for point in points] == [0, 1, 0, 1, 1]
    assert [point["attempts"]["successes"] for point in points] == ["0", "1", "1", "1", "1"]
    assert found["dataPoints"] == 5
    assert found["statistics"] == {"count": 4, "average": 74.5, "max": 87.0, "min": 62.0, "range": 25.0}
    assert found["freshness"] == {"source": "LIVE", "isStale": False}


async def test_what_was_before_the_period_is_in_its_scores(ask: Asker) -> None:
    found = await series(ask, "ben", period=dates("2026-03-13", "2026-03-20"))
    assert [(point["performanceScore"], point["tasksCompleted"]) for point in found["points"]] == [(62.0, 1)]
    assert found["statistics"] == {"count": 1, "average": 62.0, "max": 62.0, "min": 62.0, "range": 0.0}


@pytest.mark.parametrize(
    ("fill", "scores", "tasks"),
    [
        ("NONE", [87.0], [1]),
        ("NULL", [None, 87.0, None], [None, 1, None]),
        ("ZERO", [None, 87.0, None], [0, 1, 0]),
        ("CARRY_FORWARD", [None, 87.0, 87.0], [0, 1, 0]),
    ],
)
async def test_gaps(ask: Asker, fill: str, scores: list[float | None], tasks: list[int | None]) -> None:
    first_days = dates("2026-03-03", "2026-03-05")
    found = await series(ask, "ben", period=first_days, fill=fill)
    assert [point["performanceScore"] for point in found["points"]] == (scores if fill == "NONE" else scores[1:])
    found = await series(ask, "cleo", period=dates("2026-03-03", "2026-03-06"), fill=fill)
    cleo = [None if score is None else 90.0 for score in scores]
    assert [point["performanceScore"] for point in found["points"]] == cleo
    assert [point["tasksCompleted"] for point in found["points"]] == tasks
    assert [point["attempts"] and point["attempts"]["tasksCompleted"] for point in found["points"]] == [
        None if number is None else str(number) for number in tasks
    ]
    assert found["dataPoints"] == 1


async def test_nothing_is_carried_into_the_future(ask: Asker) -> None:
    found = await series(ask, "ben", period={"calendar": "THIS_MONTH"}, fill="CARRY_FORWARD")
    now = datetime.now(UTC)
    for point in found["points"]:
        begun = datetime.fromisoformat(point["bucket"]["start"]) <= now
        assert point["performanceScore"] == (62.0 if begun else None)


async def test_a_person_without_attempts(ask: Asker) -> None:
    found = await series(ask, "gus")
    assert (found["points"], found["dataPoints"]) == ([], 0)
    assert found["statistics"] == {"count": 0, "average": None, "max": None, "min": None, "range": None}
    filled_in = await series(ask, "gus", fill="CARRY_FORWARD", grain="WEEK")
    assert {point["performanceScore"] for point in filled_in["points"]} == {None}


@pytest.mark.parametrize(
    ("zone", "day", "start", "end"),
    [
        # The day on which clocks in Madrid go forward has 23 hours.
        (None, "2026-03-29", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"),
        ("Europe/Madrid", "2026-03-29", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"),
        ("America/New_York", "2026-03-28", "2026-03-28T04:00:00.000Z", "2026-03-29T04:00:00.000Z"),
        ("Asia/Kathmandu", "2026-03-29", "2026-03-28T18:15:00.000Z", "2026-03-29T18:15:00.000Z"),
    ],
)
async def test_days_are_those_of_the_zone(ask: Asker, zone: str | None, day: str, start: str, end: str) -> None:
    found = await series(ask, "dan", calendar={"timeZone": zone} if zone else None)
    (point,) = found["points"]
    assert (point["bucket"]["date"], point["bucket"]["start"], point["bucket"]["end"]) == (day, start, end)
    # dan-1 late, skill 0.6, difficulty 5: 18 + 10
    assert (point["performanceScore"], point["attempts"]["attempts"]) == (28.0, "2")


async def test_hours_of_a_day_with_23(ask: Asker) -> None:
    found = await series(ask, "dan", period=dates("2026-03-29", "2026-03-30"), grain="HOUR", fill="CARRY_FORWARD")
    assert len(found["points"]) == 23
    assert [point["bucket"]["label"] for point in found["points"][1:3]] == [
        "2026-03-29T01:00+01:00",
        "2026-03-29T03:00+02:00",
    ]
    assert [point["attempts"]["attempts"] for point in found["points"][:4]] == ["0", "1", "1", "0"]
    assert [point["performanceScore"] for point in found["points"][:3]] == [None, 28.0, 28.0]


async def test_weeks_and_months(ask: Asker) -> None:
    weeks = await series(ask, "ben", grain="WEEK")
    assert [(p["bucket"]["label"], p["performanceScore"], p["tasksCompleted"]) for p in weeks["points"]] == [
        ("2026-W10", 87.0, 1),
        ("2026-W11", 62.0, 2),
    ]
    # Weeks from Wednesday: 25 February to 3 March, 4 to 10 March, 11 to 17 March.
    weeks = await series(ask, "ben", grain="WEEK", calendar={"weekStart": "WEDNESDAY"})
    assert [(p["bucket"]["label"], p["tasksCompleted"]) for p in weeks["points"]] == [
        ("2026-02-25", 1),
        ("2026-03-04", 1),
        ("2026-03-11", 1),
    ]
    months = await series(ask, "ben", grain="MONTH", period={"allTime": True})
    assert [(p["bucket"]["label"], p["performanceScore"], p["tasksCompleted"]) for p in months["points"]] == [
        ("2026-03", 62.0, 3)
    ]


async def test_everybodys_trend_is_one_statement(ask: Asker) -> None:
    document = """{ users { nodes { externalId performanceTrend(period: {dates: {from: "2026-03-01", to: "2026-04-01"}}) {
      dataPoints } performance { trend { direction } again: trend(period: {lastDays: 7}) { direction } } } } }"""
    answer = await ask(document, person="mia", role="MANAGER")
    found = {node["externalId"]: node["performanceTrend"]["dataPoints"] for node in answer.data["users"]["nodes"]}
    assert found == {"ada": 0, "ben": 5, "cleo": 3, "dan": 1, "gus": 0, "mia": 0, "root": 0, "tom": 0}
    slots = "\n".join(statement for statement in answer.statements if "width_bucket" in statement)
    assert slots.count("width_bucket") == 3
    assert slots.count("FROM user_days") == 1


async def test_a_deleted_day_leaves_no_point(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE attempts SET deleted_at = now() WHERE source_id = 'ben-4'")
    found = await series(fresh_ask, "ben")
    assert [(p["bucket"]["date"], p["performanceScore"]) for p in found["points"]] == [
        ("2026-03-02", None),
        ("2026-03-03", 87.0),
        ("2026-03-09", 87.0),
        ("2026-03-13", 87.0),
    ]


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ("period: {lastDays: 0}", "lastDays"),
        ("period: {allTime: true}, grain: DAY", "grain"),
        ('period: {dates: {from: "2026-03-02", to: "2026-03-02"}}', "dates.to"),
    ],
)
async def test_series_that_cannot_be(ask: Asker, arguments: str, argument: str) -> None:
    answer = await ask(
        f'{{ user(by: {{externalId: "ben"}}) {{ externalId performanceTrend({arguments}) {{ dataPoints }} }} }}'
    )
    assert answer.data == {"user": {"externalId": "ben", "performanceTrend": None}}
    assert answer.codes == ["VALIDATION"]
    assert answer.errors[0]["extensions"]["argument"] == argument


@pytest.mark.parametrize(("zone", "is_by_day"), [("Europe/Madrid", True), ("UTC", False)])
def test_the_rollup_answers_in_its_own_zone(zone: str, is_by_day: bool) -> None:
    now = datetime(2026, 3, 30, 10, tzinfo=UTC)
    period = resolve_period(PeriodSpec(last_days=3), time_zone=zone, now=now)
    days = days_of(buckets(period, Grain.DAY), period, Grain.DAY, "Europe/Madrid")
    expected = [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30), date(2026, 3, 31)]
    assert days == (expected if is_by_day else None)


def test_the_rollup_does_not_answer_where_midnight_comes_twice() -> None:
    # At 00:01 on 1 November 2009 clocks in St. John's went back to 23:01.
    spec = PeriodSpec(dates=(date(2009, 10, 31), date(2009, 11, 2)))
    period = resolve_period(spec, time_zone="America/St_Johns", now=datetime(2026, 1, 1, tzinfo=UTC))
    assert days_of(buckets(period, Grain.DAY), period, Grain.DAY, "America/St_Johns") is None


@settings(max_examples=40, deadline=None)
@given(
    history=HISTORIES,
    first=st.integers(-3, 8),
    length=st.integers(1, 9),
    grain=st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH]),
)
async def test_both_sources_agree_with_a_plain_computation(
    ask_anything: Asker, history: list[Done], first: int, length: int, grain: Grain
) -> None:
    with ask_anything.database.connect() as owner:
        person, lived = live(owner, history)
    tasks = tasks_of(lived)
    zone = ZoneInfo("Europe/Madrid")
    start = MONDAY.date() + timedelta(days=first)
    period = dates(start.isoformat(), (start + timedelta(days=length)).isoformat())

    by_day = await series(ask_anything, person, period=period, grain=grain.value, fill="CARRY_FORWARD")
    # The same instants, cut by the hands of a zone that has the same clocks: no rollup for it.
    by_instant = await series(
        ask_anything,
        person,
        period=period,
        grain=grain.value,
        fill="CARRY_FORWARD",
        calendar={"timeZone": "Europe/Paris"},
    )
    assert by_day == by_instant

    for point in by_day["points"]:
        begin, end = (datetime.fromisoformat(point["bucket"][name]) for name in ("start", "end"))
        assert begin.astimezone(zone).time() == end.astimezone(zone).time() == datetime.min.time()
        until = [(id, done) for id, done in tasks if done.at < end]
        assert point["performanceScore"] == shown(score_of(until))
        assert point["tasksCompleted"] == sum(done.at >= begin for _, done in until)
        inside = [done for _, done in lived if begin <= done.at < end and not done.deleted]
        assert point["attempts"]["attempts"] == str(len(inside))

    begin = datetime.fromisoformat(by_day["points"][0]["bucket"]["start"])
    end = datetime.fromisoformat(by_day["points"][-1]["bucket"]["end"])
    trend = await summary(ask_anything, person, period)
    before = score_of([(id, done) for id, done in tasks if done.at < begin])
    after = score_of([(id, done) for id, done in tasks if done.at < end])
    assert (trend["startScore"], trend["endScore"]) == (shown(before), shown(after))
    assert trend["change"] == shown(difference(after, before))

"""Why scores are what they are."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings

from tests.asking import Asker
from tests.schema.histories import HISTORIES, Done, live, score_of, shown, tasks_of

WHY = """query ($person: String!, $period: PeriodInput) {
  user(by: {externalId: $person}) { performance(period: $period) { score explanation {
    score unroundedScore formula policyVersion missing countedTasks
    components { component value weight effectiveWeight points numerator denominator }
    excluded { reason attempts } } } } }"""
MANAGER = {"person": "mia", "role": "MANAGER"}


async def why(ask: Asker, person: str, period: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await ask(WHY, {"person": person, "period": period}, **MANAGER)
    assert answer.errors == []
    performance = answer.data["user"]["performance"]  # type: ignore[index]
    assert performance["explanation"]["score"] == performance["score"]
    return performance["explanation"]  # type: ignore[no-any-return]


def part(component: str, *numbers: float) -> dict[str, Any]:
    names = ("numerator", "denominator", "value", "weight", "effectiveWeight", "points")
    return {"component": component, **{n: pytest.approx(v) for n, v in zip(names, numbers, strict=True)}}


async def test_a_score_with_every_component(ask: Asker) -> None:
    assert await why(ask, "ben") == {
        "score": 62.0,
        "unroundedScore": 62.0,
        "formula": "100 · (0.5 · onTimeRatio + 0.3 · skillAccuracy + 0.2 · difficultyFactor)",
        "policyVersion": 1,
        "missing": [],
        "countedTasks": 3,
        "components": [
            part("ON_TIME", 1, 2, 0.5, 0.5, 0.5, 25),
            part("SKILL", 1.6, 2, 0.8, 0.3, 0.3, 24),
            part("DIFFICULTY", 13, 20, 0.65, 0.2, 0.2, 13),
        ],
        "excluded": [{"reason": "NOT_SUCCESSFUL", "attempts": 1}, {"reason": "SUPERSEDED", "attempts": 1}],
    }


async def test_weights_are_scaled_up_where_a_component_is_missing(ask: Asker) -> None:
    found = await why(ask, "fay")
    assert (found["score"], found["missing"]) == (74.0, ["ON_TIME"])
    assert found["components"] == [
        part("SKILL", 0.9, 1, 0.9, 0.3, 0.6, 54),
        part("DIFFICULTY", 5, 10, 0.5, 0.2, 0.4, 20),
    ]
    assert found["excluded"] == []


async def test_nobody_knows_the_score_of_who_did_nothing(ask: Asker) -> None:
    found = await why(ask, "gus")
    assert (found["score"], found["unroundedScore"], found["components"]) == (None, None, [])
    assert found["missing"] == ["ON_TIME", "SKILL", "DIFFICULTY"]
    assert (found["countedTasks"], found["excluded"]) == (0, [])


async def test_the_score_of_a_period(ask: Asker) -> None:
    # ben-4 alone: 0.3 · 70 + 0.2 · 80; ben-3 of the day before succeeded after ben-2, which is outside.
    found = await why(ask, "ben", {"dates": {"from": "2026-03-09", "to": "2026-03-12"}})
    assert (found["score"], found["countedTasks"]) == (37.0, 1)
    assert found["components"][0] == part("ON_TIME", 0, 1, 0, 0.5, 0.5, 0)
    assert found["excluded"] == [{"reason": "SUPERSEDED", "attempts": 1}]


async def test_what_is_not_finished_or_deleted(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE attempts SET deleted_at = now() WHERE source_id = 'cleo-2'")
    found = await why(fresh_ask, "cleo")
    assert found["excluded"] == [{"reason": "DELETED", "attempts": 1}, {"reason": "NOT_FINISHED", "attempts": 1}]


async def test_everybodys_explanations_are_two_statements(ask: Asker) -> None:
    document = "{ users { nodes { performance { explanation { score excluded { attempts } } } } } }"
    answer = await ask(document, **MANAGER)
    assert answer.errors == []
    # people, their totals, what scores are made of, what is not in them
    assert len(answer.statements) == 4


@pytest.mark.parametrize(("person", "role"), [("ben", "STUDENT"), ("ada", "TEACHER")])
async def test_who_sees_the_person_sees_why(ask: Asker, person: str, role: str) -> None:
    answer = await ask(WHY, {"person": "ben"}, person=person, role=role)
    assert answer.data["user"]["performance"]["explanation"]["score"] == 62.0
    assert sum(one["attempts"] for one in answer.data["user"]["performance"]["explanation"]["excluded"]) == 2


@settings(max_examples=40, deadline=None)
@given(history=HISTORIES)
async def test_points_add_up_to_the_score(ask_anything: Asker, history: list[Done]) -> None:
    with ask_anything.database.connect() as owner:
        person, lived = live(owner, history)
    tasks = tasks_of(lived)
    score = score_of(tasks)
    found = await why(ask_anything, person)
    assert found["score"] == shown(score)
    assert found["countedTasks"] == len(tasks)
    assert sum(one["attempts"] for one in found["excluded"]) == len(lived) - len(tasks)
    if score is None:
        assert found["components"] == []
        return
    assert found["unroundedScore"] == pytest.approx(float(score), rel=1e-12, abs=1e-12)
    weights = {"ON_TIME": Fraction(5, 10), "SKILL": Fraction(3, 10), "DIFFICULTY": Fraction(2, 10)}
    known = sum(weights[component["component"]] for component in found["components"])
    for component in found["components"]:
        weight = weights[component["component"]]
        value = Fraction(component["numerator"]) / Fraction(component["denominator"])
        assert component["weight"] == float(weight)
        assert component["effectiveWeight"] == pytest.approx(float(weight / known), rel=1e-12)
        assert component["value"] == pytest.approx(float(value), rel=1e-12)
        assert component["points"] == pytest.approx(float(100 * weight / known * value), rel=1e-12)
    total = sum(Fraction(component["points"]) for component in found["components"])
    assert float(total) == pytest.approx(float(score), rel=1e-12, abs=1e-12)
    assert {component["component"] for component in found["components"]}.isdisjoint(found["missing"])
    assert len(found["components"]) + len(found["missing"]) == 3

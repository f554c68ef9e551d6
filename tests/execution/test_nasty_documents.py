"""Documents made to be hard (`nasty/*.graphql`): both executors answer alike, whoever asks; and those that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from execution.operations import RequestErrors
from schema.graph import graph
from tests.execution.callers import KNOWN, UNKNOWN, Caller, name_of
from tests.execution.conftest import School

NASTY = Path(__file__).parent / "nasty"
CALLERS = [*KNOWN[:4], *KNOWN[6:10], UNKNOWN[1]]

CONFLICTS = {
    "other arguments": "{ users(first: 1) { nodes { id } } users(first: 2) { nodes { id } } }",
    "other arguments below": "{ a: users { nodes { attempts(first: 1) { nodes { id } } } } a: users { nodes { attempts { nodes { id } } } } }",
    "another field": "{ viewer { user { id: username id } } }",
    "another type in another object": '{ node(id: "x") { ... on User { x: displayName } ... on Attempt { x: score } } }',
    "another field, by fragments": "{ viewer { ...A ...B } } fragment A on Viewer { r: role } fragment B on Viewer { r: permissions }",
    "a fragment that spreads itself": "{ viewer { ...A } } fragment A on Viewer { user { id } ...B } fragment B on Viewer { ...A }",
    "a fragment of nothing": "{ ...A }",
    "a fragment that nobody uses": "{ __typename } fragment A on Query { __typename }",
    "a type that cannot be": "{ viewer { ... on User { id } } }",
    "a leaf with fields": "{ viewer { role { id } } }",
    "an object without": "{ viewer }",
    "an unknown variable": "{ users(first: $first) { nodes { id } } }",
    "a variable of another type": "query ($first: String) { users(first: $first) { nodes { id } } }",
    "a null where none may be": "{ leaderboard(metric: null) { metric } }",
    "two of one": '{ user(by: {id: "x", username: "x"}) { id } }',
    "none of one": "{ user(by: {}) { id } }",
}


def variables_of(school: School, name: str) -> dict[str, Any] | None:
    ids = school.world.ids
    match name:
        case "interfaces":
            return {"ids": [kind[-1] for kind in ids.values()] + ids["User"] + [ids["Attempt"][0], ids["Attempt"][-1]]}
        case "errors_in_shared_places":
            return {"user": ids["User"][1]}
        case "one_person_in_many_lists":
            return {"topics": ids["Topic"][:1]}
    return None


@pytest.mark.parametrize("caller", CALLERS, ids=name_of)
@pytest.mark.parametrize("name", sorted(path.stem for path in NASTY.iterdir()))
async def test_nasty_documents_answer_alike(lively_school: School, name: str, caller: Caller) -> None:
    text = (NASTY / f"{name}.graphql").read_text()
    if name == "conditions":
        for given in ({"yes": True}, {"yes": False}, {"yes": True, "no": True}):
            await lively_school.both(text, caller, given)
    else:
        answer, _ = await lively_school.both(text, caller, variables_of(lively_school, name))
        assert caller in UNKNOWN or answer.data


async def test_the_standard_executor_is_hardly_needed(lively_school: School) -> None:
    """Of these documents, only where something that is shared fails: then each of its places has an error of its own."""
    left = {}
    for path in NASTY.iterdir():
        variables = {"yes": True} if path.stem == "conditions" else variables_of(lively_school, path.stem)
        _, bailouts = await lively_school.both(path.read_text(), KNOWN[0], variables)
        if bailouts:
            left[path.stem] = dict(bailouts)
    assert left == {"errors_in_shared_places": {"error": 1}}


@pytest.mark.parametrize("conflict", CONFLICTS)
def test_what_contradicts_itself_is_refused(conflict: str) -> None:
    with pytest.raises(RequestErrors):
        graph.operations.prepare(CONFLICTS[conflict])

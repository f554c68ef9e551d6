"""Who may ask for the schema."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, build_schema, parse

from auth import Claims, ConfigurationError, Role
from execution.introspection import Introspection, asks_for_schema
from execution.operations import Operation, Operations
from execution.refusals import Refusal

SCHEMA = build_schema("""
type Query { name: String, me: Query, node(id: ID): Query }
type Mutation { rename(name: String): Query }
type Subscription { renamed: Query }
""")


def operation(text: str, name: str | None = None) -> Operation:
    return Operations(SCHEMA).prepare(text, name)


def claims(role: Role) -> Claims:
    return Claims("north", "ada", role, None, datetime(2030, 1, 1, tzinfo=UTC))


def open_to(written: str) -> list[Role | None]:
    policy = Introspection(written)
    callers: list[Role | None] = [None, *Role]
    return [role for role in callers if policy.is_open_to(claims(role) if role else None)]


@pytest.mark.parametrize(
    "text",
    [
        "{ __schema { queryType { name } } }",
        '{ __type(name: "Query") { name } }',
        "{ name types: __schema { types { name } } }",
        "{ ... { ... on Query { __schema { description } } } }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { me { __schema { description } } }",
        "query ($yes: Boolean!) { name __schema @include(if: $yes) { description } }",
        "{ name __schema @include(if: false) { description } }",
        "query ($no: Boolean!) { ...A @skip(if: $no) } fragment A on Query { __schema { description } }",
        'mutation { rename(name: "x") { __type(name: "Query") { name } } }',
        "subscription { renamed { me { __schema { description } } } }",
    ],
)
def test_introspection_is_seen_wherever_it_stands(text: str) -> None:
    asking = operation(text)
    assert asks_for_schema(asking)
    with pytest.raises(Refusal) as refused:
        Introspection("off").check(asking, claims(Role.ADMIN))
    assert (refused.value.status, refused.value.code) == (403, "INTROSPECTION_DISABLED")
    Introspection("open").check(asking, None)


@pytest.mark.parametrize(
    "text",
    [
        "{ __typename }",
        "{ me { __typename } __schema: name }",
        '{ node(id: "__schema") { __typename } }',
        "query __type { name }",
        "{ ...__schema } fragment __schema on Query { name }",
    ],
)
def test_what_only_looks_like_it(text: str) -> None:
    Introspection("off").check(operation(text), None)


def test_only_the_operation_that_runs_is_judged() -> None:
    both = "query A { name } query B { __schema { description } }"
    assert [asks_for_schema(operation(both, name)) for name in "AB"] == [False, True]


def test_it_is_worked_out_once() -> None:
    asking = operation("{ __schema { description } }")
    assert asks_for_schema(asking)
    asking.memo[asks_for_schema] = False
    assert not asks_for_schema(asking)


def test_fragments_that_double_are_looked_at_once() -> None:
    """Spread out, these are more than could ever be looked at; the limits refuse them before."""
    text = "{ ...F0 }" + "".join(f"fragment F{n} on Query {{ me {{ ...F{n + 1} }} ...F{n + 1} }}" for n in range(100))
    document = parse(text)
    node, *fragments = document.definitions
    assert isinstance(node, OperationDefinitionNode)
    by_name = {f.name.value: f for f in fragments if isinstance(f, FragmentDefinitionNode)}
    assert not asks_for_schema(Operation(text, None, document, node, by_name))


@pytest.mark.parametrize(
    ("written", "roles"),
    [
        ("open", [None, *Role]),
        ("authenticated", [*Role]),
        ("off", []),
        ("ADMIN", [Role.ADMIN]),
        (" admin, Service ,", [Role.ADMIN, Role.SERVICE]),
    ],
)
def test_to_whom_it_is_open(written: str, roles: list[Role | None]) -> None:
    assert open_to(written) == roles


@pytest.mark.parametrize("written", ["", ",", "yes", "ADMIN,open", "ADMIN;SERVICE", "CURATOR"])
def test_a_policy_that_is_none(written: str) -> None:
    with pytest.raises(ConfigurationError, match="SCOREGRAPH_INTROSPECTION is open, authenticated, off"):
        Introspection(written)


def test_who_has_no_token_is_told_to_send_one_where_that_helps() -> None:
    asking = operation("{ __schema { description } }")
    for written, helps in [("authenticated", True), ("ADMIN", True), ("off", False)]:
        with pytest.raises(Refusal) as refused:
            Introspection(written).check(asking, None)
        assert ("token" in refused.value.message) is helps

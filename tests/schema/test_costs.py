"""What the schema tells about costs: by directives that tools read, complete, and about fields that there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from graphql import (
    DirectiveNode,
    FieldDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    ListTypeNode,
    NonNullTypeNode,
    build_schema,
    get_named_type,
    is_composite_type,
    is_introspection_type,
    validate_schema,
    value_from_ast_untyped,
)
from hypothesis import given
from hypothesis import strategies as st

from resolvers.periods import MOST_BUCKETS, Grain, PeriodError, PeriodSpec, buckets, resolve_period
from schema.graph import graph
from schema.series import most_points
from tests.schema.test_contract import PRINTED


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(PRINTED.read_text())


def fields(contract: GraphQLSchema) -> Iterator[tuple[str, GraphQLObjectType, FieldDefinitionNode]]:
    for kind in contract.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not is_introspection_type(kind):
            for name, field in kind.fields.items():
                assert isinstance(field.ast_node, FieldDefinitionNode)
                yield f"{kind.name}.{name}", get_named_type(field.type), field.ast_node  # type: ignore[misc]


def told(node: FieldDefinitionNode, directive: str) -> dict[str, Any] | None:
    found: list[DirectiveNode] = [one for one in node.directives or () if one.name.value == directive]
    if not found:
        return None
    (one,) = found
    return {argument.name.value: value_from_ast_untyped(argument.value) for argument in one.arguments or ()}


def is_list(node: FieldDefinitionNode) -> bool:
    kind = node.type
    return isinstance(kind.type if isinstance(kind, NonNullTypeNode) else kind, ListTypeNode)


def test_every_list_of_objects_has_a_size(contract: GraphQLSchema) -> None:
    """By itself, or by every field that gives the object which it is a list of."""
    unsized = {
        name
        for name, kind, node in fields(contract)
        if is_list(node) and is_composite_type(kind) and told(node, "listSize") is None
    }
    for name, kind, node in fields(contract):
        if isinstance(kind, GraphQLObjectType):
            sized = (told(node, "listSize") or {}).get("sizedFields", [])
            below = {f"{kind.name}.{field}" for field in kind.fields}
            assert below & unsized == {f"{kind.name}.{field}" for field in sized}, name


def test_sizes_are_of_lists_and_follow_from_arguments_that_there_are(contract: GraphQLSchema) -> None:
    for name, _, node in fields(contract):
        size = told(node, "listSize")
        if size is None:
            continue
        slicing = size.get("slicingArguments", [])
        types = {argument.name.value: argument for argument in node.arguments or ()}
        assert is_list(node) is ("sizedFields" not in size), name
        assert slicing or size["assumedSize"] > 0, name
        assert set(slicing) <= set(types), name
        # Of those that must be given, each has a default; else the size is assumed.
        if size.get("requireOneSlicingArgument", True) and slicing:
            assert all(types[argument].default_value for argument in slicing), name


def test_every_page_is_sized_by_first_and_last(contract: GraphQLSchema) -> None:
    pages = [(name, node) for name, kind, node in fields(contract) if kind.name.endswith("Connection")]
    assert len(pages) > 20
    for name, node in pages:
        assert told(node, "listSize") == {
            "assumedSize": 50,
            "slicingArguments": ["first", "last"],
            "sizedFields": ["edges", "nodes"],
            "requireOneSlicingArgument": False,
        }, name


def test_weights_are_whole_numbers(contract: GraphQLSchema) -> None:
    weights = [weight for _, _, node in fields(contract) if (weight := told(node, "cost"))]
    assert weights
    assert all(weight["weight"].isdigit() for weight in weights)


def test_the_directives_are_those_of_the_specification() -> None:
    printed = PRINTED.read_text()
    assert "directive @cost(weight: String!) on FIELD_DEFINITION | ARGUMENT_DEFINITION\n" in printed
    assert (
        "directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], "
        "requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION\n"
    ) in printed
    for name in ("cost", "listSize"):
        # Introspection shows it as well.
        directive = graph.schema.get_directive(name)
        assert directive is not None
        assert directive.description
    assert validate_schema(graph.schema) == []


PERIODS = st.one_of(
    st.integers(1, 3700).map(lambda days: {"lastDays": days}),
    st.tuples(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.integers(1, 2000)).map(
        lambda pair: {"dates": {"from": pair[0].isoformat(), "to": (pair[0] + timedelta(days=pair[1])).isoformat()}}
    ),
    st.tuples(
        st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001 - given a zone below
        st.integers(1, 90_000),
        st.sampled_from(["Z", "+14:00", "-12:00"]),
        st.sampled_from(["Z", "+14:00", "-12:00"]),
    ).map(
        lambda four: {
            "range": {
                "from": f"{four[0]:%Y-%m-%dT%H:%M:%S}{four[2]}",
                "to": f"{four[0] + timedelta(minutes=four[1]):%Y-%m-%dT%H:%M:%S}{four[3]}",
            }
        }
    ),
    st.sampled_from(["TODAY", "YESTERDAY", "THIS_WEEK", "LAST_WEEK", "THIS_MONTH", "LAST_MONTH"]).map(
        lambda name: {"calendar": name}
    ),
    st.just({"allTime": True}),
)


def spec_of(period: dict[str, Any]) -> PeriodSpec:
    match period:
        case {"lastDays": days}:
            return PeriodSpec(last_days=days)
        case {"dates": {"from": start, "to": end}}:
            return PeriodSpec(dates=(date.fromisoformat(start), date.fromisoformat(end)))
        case {"range": {"from": start, "to": end}}:
            return PeriodSpec(range=(datetime.fromisoformat(start), datetime.fromisoformat(end)))
        case {"calendar": name}:
            return PeriodSpec(calendar=name)
    return PeriodSpec(all_time=True)


@given(PERIODS, st.sampled_from(Grain), st.sampled_from(["UTC", "Europe/Madrid", "Pacific/Apia", "Asia/Kolkata"]))
def test_no_series_has_more_points_than_were_counted(period: dict[str, Any], grain: Grain, zone: str) -> None:
    now = datetime.fromisoformat("2026-11-20T23:30:00+00:00")
    counted = most_points(period, grain.value)
    assert counted is not None
    try:
        found = buckets(resolve_period(spec_of(period), time_zone=zone, now=now), grain)
    except PeriodError:
        return
    assert len(found) <= counted <= MOST_BUCKETS


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["from", "to", "lastDays", "dates", "range", "x"]), inner, max_size=2),
    max_leaves=6,
)  # fmt: skip


@given(JUNK | st.dictionaries(st.sampled_from(["lastDays", "dates", "range", "calendar"]), JUNK, max_size=1), JUNK)
def test_nonsense_counts_as_unknown(period: Any, grain: Any) -> None:
    counted = most_points(period, grain)
    assert counted is None or counted <= MOST_BUCKETS

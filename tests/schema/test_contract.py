"""The graph as a contract: printed freshly, described to the last argument, shaped by Relay's rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
)

from schema.graph import graph
from schema.nodes import NODES

PRINTED = Path(__file__).resolve().parents[2] / "schema" / "schema.graphql"


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(graph.printed)


def own_types(contract: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    for kind in contract.type_map.values():
        if not is_introspection_type(kind) and not (
            isinstance(kind, GraphQLScalarType) and is_specified_scalar_type(kind)
        ):
            yield kind


def test_the_printed_schema_is_fresh() -> None:
    assert PRINTED.read_text().strip() == graph.printed.strip(), "run: scoregraph schema --output schema/schema.graphql"


def test_everything_is_described(contract: GraphQLSchema) -> None:
    silent: list[str] = []
    for kind in own_types(contract):
        if not kind.description:
            silent.append(kind.name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in kind.fields.items():
                if not field.description:
                    silent.append(f"{kind.name}.{name}")
                silent += [
                    f"{kind.name}.{name}({argument}:)"
                    for argument, value in field.args.items()
                    if not value.description
                ]
        elif isinstance(kind, GraphQLInputObjectType):
            silent += [f"{kind.name}.{name}" for name, field in kind.fields.items() if not field.description]
        elif isinstance(kind, GraphQLEnumType):
            silent += [f"{kind.name}.{name}" for name, value in kind.values.items() if not value.description]
    assert silent == []


def test_every_node_type_is_found_by_its_id(contract: GraphQLSchema) -> None:
    nodes = {
        kind.name
        for kind in own_types(contract)
        if isinstance(kind, GraphQLObjectType) and any(i.name == "Node" for i in kind.interfaces)
    }
    assert nodes == set(NODES)


def test_connections_are_relays(contract: GraphQLSchema) -> None:
    connections = [kind for kind in own_types(contract) if kind.name.endswith("Connection")]
    assert connections
    for kind in connections:
        assert isinstance(kind, GraphQLObjectType)
        assert {"edges", "nodes", "pageInfo", "totalCount"} <= set(kind.fields)


def test_mutations_take_one_input_and_answer_with_user_errors(contract: GraphQLSchema) -> None:
    assert contract.mutation_type is not None
    for name, field in contract.mutation_type.fields.items():
        assert list(field.args) == ["input"], name
        payload = getattr(field.type, "of_type", field.type)
        assert str(payload).endswith("Payload"), name
        assert "userErrors" in payload.fields, name

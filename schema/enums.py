"""Enums of the lower rooms, made enums of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import strawberry
from strawberry.types.base import has_strawberry_definition
from strawberry.types.enum import StrawberryEnumDefinition


def describe_enum(enum: type[Enum], name: str, description: str, values: Mapping[str, str]) -> None:
    """Makes ``enum``, which knows no GraphQL, an enum of the graph. ``values`` describes each of its names."""
    strawberry.enum(enum, name=name, description=description)
    assert has_strawberry_definition(enum)
    definition = enum.__strawberry_definition__
    assert isinstance(definition, StrawberryEnumDefinition)
    for value in definition.values:
        value.description = values[value.name]

"""Shapes: what a field's type says of its values, worked out once for a plan."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import (
    GraphQLLeafType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
)

from execution.compiled.leaves import Complete, completion_of


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Values that may be null or not: of a leaf, lists of ``items``, objects of one type, or of several if it is abstract."""

    nullable: bool
    leaf: GraphQLLeafType | None
    items: Shape | None
    object_type: GraphQLObjectType | None
    complete: Complete | None
    """Completes values of a leaf."""

    @classmethod
    def of(cls, type_: GraphQLOutputType) -> Shape:
        nullable, inner = not is_non_null_type(type_), get_nullable_type(type_)
        leaf = inner if is_leaf_type(inner) else None
        return cls(
            nullable,
            leaf,
            cls.of(inner.of_type) if isinstance(inner, GraphQLList) else None,
            inner if isinstance(inner, GraphQLObjectType) else None,
            None if leaf is None else completion_of(leaf, nullable=nullable),
        )

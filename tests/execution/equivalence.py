"""Whether two answers to an operation are the same, as a client would see them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_nullable_type,
)


def assert_same(compiled: ExecutionResult, stock: ExecutionResult, everything: ExecutionResult | None = None) -> None:
    """The same data with keys in the same order, and the same errors in any order: that of the standard executor is the one
    in which its tasks happened to fail.

    Where a null took its parent along, other fields of that parent may have failed, too. Which of these failures are told is
    again up to the order in which tasks run: those that fail later than the one that nulls are not. There each executor may
    tell any of those that there are, at least one; ``everything`` (see ``without_propagation``) has all of them.
    """
    assert written(compiled.data) == written(stock.data)
    if everything is None or errors_of(compiled) == errors_of(stock):
        assert errors_of(compiled) == errors_of(stock)
        return
    assert errors_of(compiled, in_nulled=False) == errors_of(stock, in_nulled=False)
    for answer in (compiled, stock):
        assert errors_of(answer) <= errors_of(everything) + _nulls(answer, everything)
    assert _nulled(compiled) == _nulled(stock)


def written(data: Any) -> str:
    """The answer to the letter, with the keys as they come."""
    return json.dumps(data, indent=1, ensure_ascii=False, default=repr)


def errors_of(result: ExecutionResult, *, in_nulled: bool = True) -> Counter[str]:
    return Counter(told(error) for error in result.errors or () if in_nulled or not _is_in_nulled(error, result.data))


def told(error: GraphQLError) -> str:
    """What an error says: path, message, places in the document, and what comes with it. The id of one that is masked is new
    each time.
    """
    formatted: dict[str, Any] = dict(error.formatted)
    extensions = {name: value for name, value in formatted.pop("extensions", {}).items() if name != "errorId"}
    return json.dumps([formatted, extensions], sort_keys=True, default=repr)


@contextmanager
def without_propagation(schema: GraphQLSchema) -> Iterator[None]:
    """Meanwhile every field may be null: the standard executor then tells of each that fails."""
    types = [type_ for type_ in schema.type_map.values() if isinstance(type_, GraphQLObjectType)]
    fields = [(field, field.type) for type_ in types for field in type_.fields.values()]
    try:
        for field, type_ in fields:
            field.type = _nullable(type_)
        yield
    finally:
        for field, type_ in fields:
            field.type = type_


def _nullable(type_: Any) -> Any:
    inner = get_nullable_type(type_)
    return GraphQLList(_nullable(inner.of_type)) if isinstance(inner, GraphQLList) else inner


def _nulled_at(error: GraphQLError, data: Any) -> tuple[str | int, ...]:
    """Where the null is that stands for the field that failed, or for a parent of it."""
    at: list[str | int] = []
    for key in error.path or ():
        if data is None:
            break
        data = data[key]
        at.append(key)
    return tuple(at)


def _is_in_nulled(error: GraphQLError, data: Any) -> bool:
    return len(_nulled_at(error, data)) < len(error.path or ())


def _nulled(result: ExecutionResult) -> set[tuple[str | int, ...]]:
    return {_nulled_at(error, result.data) for error in result.errors or () if _is_in_nulled(error, result.data)}


def _nulls(answer: ExecutionResult, everything: ExecutionResult) -> Counter[str]:
    """The errors that say no more than that there is a null, where there is one."""
    return Counter(
        told(error)
        for error in answer.errors or ()
        if error.message.startswith("Cannot return null")
        and _nulled_at(error, everything.data) == tuple(error.path or ())
    )

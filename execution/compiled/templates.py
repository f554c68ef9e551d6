"""Values with holes: arguments are converted once, with holes for variables, into which their values are then put.

Converting takes as long as loading a row. It passes most values on as they are; one that it looks into or makes another of is
no template, since a hole does not bear that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from strawberry.types.maybe import Some

Fill = Callable[[Mapping[str, Any]], Any]


class Hole:
    """Stands for the value of a variable."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def fill_of(value: Any, names: Sequence[str]) -> Fill | None:
    """What makes the same with the values of variables in the holes; None where these are not all of the ``names``."""
    found: list[str] = []
    fill = _fill_of(value, found)
    if sorted(found) != sorted(names):
        return None
    return fill or (lambda variables: value)


def _fill_of(value: Any, found: list[str]) -> Fill | None:
    """None where there is no hole; ``found`` gets the names of those that there are."""
    if isinstance(value, Hole):
        found.append(value.name)
        return itemgetter(value.name)
    if isinstance(value, Some):
        inner = _fill_of(value.value, found)
        return None if inner is None else lambda variables: Some(inner(variables))
    if isinstance(value, list):
        return _filled_list(value, found)
    if isinstance(value, dict):
        return _filled(value, found, lambda entries: entries)
    if _is_plain(value):
        return _filled(vars(value), found, lambda entries: _made(type(value), entries))
    return None


def _is_plain(value: Any) -> bool:
    """Whether an input object is no more than its attributes."""
    definition: Any = getattr(type(value), "__strawberry_definition__", None)
    is_input = getattr(definition, "is_input", False)
    return is_input and definition.from_input is None and not hasattr(value, "__post_init__")


def _filled(entries: dict[str, Any], found: list[str], make: Callable[[dict[str, Any]], Any]) -> Fill | None:
    fills = [(name, fill) for name, value in entries.items() if (fill := _fill_of(value, found)) is not None]
    if not fills:
        return None

    def fill_in(variables: Mapping[str, Any]) -> Any:
        filled = dict(entries)
        for name, fill in fills:
            filled[name] = fill(variables)
        return make(filled)

    return fill_in


def _filled_list(values: list[Any], found: list[str]) -> Fill | None:
    fills = [_fill_of(value, found) for value in values]
    if not any(fills):
        return None
    return lambda variables: [fill(variables) if fill else value for fill, value in zip(fills, values, strict=True)]


def _made(kind: type, attributes: dict[str, Any]) -> Any:
    made: Any = object.__new__(kind)
    made.__dict__.update(attributes)
    return made

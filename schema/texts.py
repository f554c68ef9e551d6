"""Text from outside: what PostgreSQL and our columns cannot hold is refused by name, before it gets anywhere."""

from __future__ import annotations

from typing import overload

from db.problems import LONGEST_NAME, NOT_STORABLE, is_storable
from execution.columns import Formula
from resolvers.errors import Invalid


@overload
def checked_text(value: str, argument: str, *, longest: int = ...) -> str: ...
@overload
def checked_text(value: None, argument: str, *, longest: int = ...) -> None: ...
def checked_text(value: str | None, argument: str, *, longest: int = LONGEST_NAME) -> str | None:
    """The text as it is. Raises Invalid for NUL, lone surrogates and more than ``longest`` characters."""
    if value is None:
        return None
    if len(value) > longest:
        raise Invalid(f"At most {longest} characters.", argument)
    if not is_storable(value):
        raise Invalid(NOT_STORABLE, argument)
    return value


# Embeddings, overrides and isolates: they turn around the text beside a name.
_TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def shown_name(name: str) -> str:
    """A name without the controls that would reorder what stands around it; what is stored keeps them."""
    return name if name.isascii() else name.translate(_TURNS)


def shown_name_of(name: str) -> Formula:
    """A column with a name as it is shown."""
    return Formula((name,), shown_name, "{0} if {0}.isascii() else function({0})")

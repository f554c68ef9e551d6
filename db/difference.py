"""Whether two JSON values say the same: the order of keys does not matter, 1.0 equals 1, true does not."""

from __future__ import annotations

from typing import Any


def first_difference(one: Any, other: Any) -> tuple[str, ...] | None:
    """The path to the first difference, keys in alphabetical order; None where there is none, () for the values themselves."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if key not in one or key not in other:
                return (key,)
            if (found := first_difference(one[key], other[key])) is not None:
                return (key, *found)
        return None
    if isinstance(one, list) and isinstance(other, list):
        for position, (left, right) in enumerate(zip(one, other, strict=False)):
            if (found := first_difference(left, right)) is not None:
                return (str(position), *found)
        return None if len(one) == len(other) else (str(min(len(one), len(other))),)
    same = one == other and isinstance(one, bool) == isinstance(other, bool)
    return None if same else ()

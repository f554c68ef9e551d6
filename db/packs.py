"""Packs: what a key has of many things, in one row. A column of it holds eight bytes for each thing (see
``migrations/sql/0003_topic_packs.sql``).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

_NAN = struct.pack(">d", float("nan"))


def unpacked(columns: Sequence[Sequence[Any]], kinds: str) -> list[Sequence[Any]]:
    """The columns of the rows that packs stand for. The first of ``columns`` are the keys; ``kinds`` says what each of the
    others holds: ``q`` for integers, ``d`` for floats, of which NaN stands for None.
    """
    keys, *packs = columns
    sizes = [len(pack) // 8 for pack in packs[0]]
    values = [_unpacked(b"".join(each), kind) for each, kind in zip(packs, kinds, strict=True)]
    return [list(chain.from_iterable(map(repeat, keys, sizes))), *values]


def _unpacked(pack: bytes, kind: str) -> Sequence[Any]:
    values = struct.unpack(f">{len(pack) // 8}{kind}", pack)
    if kind == "d" and _NAN in pack:
        return [None if value != value else value for value in values]  # NaN
    return values

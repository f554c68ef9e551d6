"""Text that other people wrote, made fit for a page: what it says stays, what would steer the page goes."""

from __future__ import annotations

import re
import unicodedata

from workers.exports.pdf.fonts import covered

# Embeddings, overrides and isolates, by which a name could turn round what stands beside it.
_BIDI_CONTROLS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))

_BETWEEN_LETTERS = re.compile(r"(?<=[^\s\u200d])(?=\w)")

# Of the characters that only steer, those that a script cannot be written without: joiners, and marks of one letter's direction.
_NEEDED = frozenset("\u00ad\u061c\u200b\u200c\u200d\u200e\u200f")

_AFTER_PUNCTUATION = re.compile(r"(?<=[._@/+:-])(?=\w)")
_ZERO_WIDTH_SPACE = "\N{ZERO WIDTH SPACE}"

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_FIRST_ISOLATE, _POP = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def plain(text: str) -> str:
    """Composed (NFC), without controls, and with � for each character that no font of ours has."""
    composed = unicodedata.normalize("NFC", text).translate(_BIDI_CONTROLS)
    return "".join(_shown(character) for character in composed)


def breakable(text: str, longest: int) -> str:
    """With places at which a line may end in runs that have none and are longer, which would run out of their column: after
    punctuation where that will do.
    """
    return re.sub(rf"\S{{{longest + 1},}}", lambda run: _broken(run[0], longest), text)


def _broken(run: str, longest: int) -> str:
    parts = _AFTER_PUNCTUATION.split(run)
    return _ZERO_WIDTH_SPACE.join(
        _BETWEEN_LETTERS.sub(_ZERO_WIDTH_SPACE, part) if len(part) > longest else part for part in parts
    )


def isolated(text: str) -> str:
    """For a place inside a line: its direction is its own and does not reach its neighbours."""
    return f"{_FIRST_ISOLATE}{text}{_POP}"


def _shown(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp" | "Zs":
            return " "
        case "Cf":
            return character if character in _NEEDED else ""
        case "Co" | "Cs":
            # In private use each font shows something of its own.
            return _REPLACEMENT
    if ord(character) in covered():
        return character
    # A variation selector picks a shape of what stands before it, and is none itself.
    return "" if unicodedata.name(character, "").startswith("VARIATION SELECTOR") else _REPLACEMENT

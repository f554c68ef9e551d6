"""Texts kept in memory by key, bounded by what they take; those that were asked for longest ago go first."""

from __future__ import annotations

from collections import OrderedDict

OVERHEAD = 300
"""Bytes of an entry beside its text."""


class TextStore:
    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._texts: OrderedDict[str, str] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, key: str) -> str | None:
        text = self._texts.get(key)
        if text is not None:
            self._texts.move_to_end(key)
        return text

    def keep(self, key: str, text: str) -> None:
        """A text that alone takes more than there is room for is not kept."""
        size = _size(text)
        if size > self._most_bytes:
            return
        self._forget(key)
        self._texts[key] = text
        self.bytes += size
        while self.bytes > self._most_bytes:
            self._forget(next(iter(self._texts)))

    def _forget(self, key: str) -> None:
        text = self._texts.pop(key, None)
        if text is not None:
            self.bytes -= _size(text)


def _size(text: str) -> int:
    # One character beyond Latin-1 makes Python take two or four bytes for each.
    return OVERHEAD + len(text) * (1 if text.isascii() else 4)

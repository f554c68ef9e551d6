"""Which changes were heard lately, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Set as AbstractSet

from db.changes import EVERYTHING

MOST_TAGS = 50_000


class ChangeLog:
    """``position`` grows with each message. What was heard long ago is forgotten, and then counts as anything."""

    def __init__(self, most_tags: int = MOST_TAGS) -> None:
        self.position = 0
        self._messages: deque[tuple[int, frozenset[str]]] = deque()
        self._most_tags = most_tags
        self._tags = 0
        self._forgotten = 0

    def add(self, tags: frozenset[str]) -> None:
        self.position += 1
        self._messages.append((self.position, tags))
        self._tags += len(tags)
        while self._tags > self._most_tags:
            self._forgotten, oldest = self._messages.popleft()
            self._tags -= len(oldest)

    def concerns(self, tags: AbstractSet[str], since: int, upto: int | None = None) -> bool:
        """Whether any of the tags was heard after the position ``since``, and no later than ``upto``."""
        if since < self._forgotten:
            return True
        for position, heard in reversed(self._messages):
            if position <= since:
                return False
            if (upto is None or position <= upto) and (EVERYTHING in heard or not tags.isdisjoint(heard)):
                return True
        return False

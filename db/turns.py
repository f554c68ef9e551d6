"""Who may have one of few things now: those who are quick take turns, those who are slow hold nobody up."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque

Ticket = int


class Turns:
    """At most ``most`` hold something at once, and of those who have held it for less than ``patience`` seconds at most
    ``few``: what is quick is quicker one after the other, since processors remember what they did last.
    """

    def __init__(self, most: int, few: int, patience: float) -> None:
        self._most = most
        self._few = few
        self._patience = patience
        self._numbers = itertools.count()
        # When each began, in that order.
        self._held: dict[Ticket, float] = {}
        self._waiting: deque[asyncio.Future[Ticket]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        return sum(not turn.cancelled() for turn in self._waiting)

    async def take(self) -> Ticket:
        """Waits for a turn; give it back."""
        if not self.waiting and (ticket := self.take_now()) is not None:
            return ticket
        turn: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._watch()
        try:
            return await turn
        except BaseException:
            # Who is closed, not cancelled, leaves it waiting.
            if not turn.cancel() and not turn.cancelled():
                # It came in the same moment.
                self.give_back(turn.result())
            raise

    def take_now(self) -> Ticket | None:
        """A turn, if there is one."""
        now = time.monotonic()
        if len(self._held) >= self._most or self._quick(now) >= self._few:
            return None
        ticket = next(self._numbers)
        self._held[ticket] = now
        return ticket

    def give_back(self, ticket: Ticket) -> None:
        del self._held[ticket]
        self._go_on()

    def _quick(self, now: float) -> int:
        """How many have not held it for long."""
        if len(self._held) < self._few:
            return 0
        return sum(now - began < self._patience for began in self._held.values())

    def _go_on(self) -> None:
        while self._waiting:
            if self._waiting[0].cancelled():
                self._waiting.popleft()
                continue
            ticket = self.take_now()
            if ticket is None:
                self._watch()
                return
            self._waiting.popleft().set_result(ticket)

    def _watch(self) -> None:
        """Looks again when the next of those who hold it has held it for long."""
        now = time.monotonic()
        began = next((began for began in self._held.values() if now - began < self._patience), None)
        if self._timer is None and began is not None and len(self._held) < self._most:
            self._timer = asyncio.get_running_loop().call_later(began + self._patience - now, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._go_on()

"""Client of the user-progress service, which knows the people and labs that exist. No copies are kept.

The protocol is ours; nothing else is asked of the service:

    GET {base}/users/{external id}     200 known     404 unknown
    GET {base}/labs/{lab type}         200 known     404 unknown

An id is one path segment, percent-encoded. 400, 414, 422 and 431 say that the service is well but does not
take this id; every other status, and no answer in time, says that it fails. Either way nothing is known about
the id, and the caller decides: strict answers UNAVAILABLE, defer parks the attempt.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import quote, urlsplit

import httpx

from db.problems import is_storable
from settings import Settings, UserProgressMode

CONCURRENT_REQUESTS = 16
CACHED_ANSWERS = 50_000
FAILURES_TO_OPEN = 5
OPEN_SECONDS = 10.0
MAX_ID_LENGTH = 200
UNACCEPTABLE_ID_STATUSES = frozenset({400, 414, 422, 431})

Kind = Literal["users", "labs"]
Question = tuple[Kind, str]


class UserProgressUnavailable(Exception):
    """The service cannot tell now. The message is safe to show."""

    code: ClassVar[str] = "UNAVAILABLE"

    def __init__(self, message: str = "The user-progress service cannot be reached.") -> None:
        super().__init__(message)


class _IdNotTaken(UserProgressUnavailable):
    """The service is well but does not take this id."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What the service does not know."""

    users: frozenset[str]
    labs: frozenset[str]


class UserProgress:
    """Asks the service at ``base_url``; ``timeout`` and ``cache_seconds`` are seconds.

    Raises ValueError when ``base_url`` is no http or https URL of a place to add paths to.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float,
        cache_seconds: float,
        cached_answers: int = CACHED_ANSWERS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        base = urlsplit(base_url)
        if base.scheme not in {"http", "https"} or not base.hostname or base.query or base.fragment:
            raise ValueError("USER_PROGRESS_SERVICE_URL must be an http or https URL without a query.")
        self._base = base_url.rstrip("/")
        self._timeout = timeout
        self._known = RecentlyKnown(cached_answers, cache_seconds, monotonic)
        self._circuit = Circuit(FAILURES_TO_OPEN, OPEN_SECONDS, monotonic)
        self._slots = asyncio.Semaphore(CONCURRENT_REQUESTS)
        self._client = httpx.AsyncClient(timeout=timeout, limits=httpx.Limits(max_connections=CONCURRENT_REQUESTS))

    @classmethod
    def from_settings(cls, settings: Settings) -> UserProgress | None:
        """Return a client as set, None when nothing is to be validated."""
        if not settings.user_progress_url or settings.user_progress_mode is UserProgressMode.OFF:
            return None
        return cls(
            settings.user_progress_url,
            timeout=settings.user_progress_timeout,
            cache_seconds=settings.user_progress_cache_seconds,
        )

    async def unknown(self, users: Iterable[str], labs: Iterable[str]) -> Unknown:
        """Return those of the people (external ids) and labs (lab types) that do not exist.

        Every distinct id is asked for once, at most 16 at a time over all callers. An id that cannot exist
        (empty, over 200 characters, with NUL or a lone surrogate) is unknown without asking.
        Raises UserProgressUnavailable when one of them could not be told.
        """
        asked: list[Question] = [("users", user) for user in set(users)]
        asked += [("labs", lab) for lab in set(labs)]
        open_questions = [question for question in asked if question not in self._known]
        unknown = [question for question in open_questions if not _can_exist(question[1])]
        to_send = [question for question in open_questions if _can_exist(question[1])]
        if to_send and not self._circuit.closed:
            # The trial goes alone, or the others of this call would be turned away while it is under way.
            trial = to_send.pop()
            unknown += [trial] * (not await self._exists(trial))
        answers = await _all_or_first_failure(map(self._exists, to_send))
        unknown += [question for question, exists in zip(to_send, answers, strict=True) if not exists]
        return Unknown(
            users=frozenset(name for kind, name in unknown if kind == "users"),
            labs=frozenset(name for kind, name in unknown if kind == "labs"),
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _exists(self, question: Question) -> bool:
        async with self._slots:
            with self._circuit.attempt():
                exists = await self._ask(question)
        if exists:
            self._known.add(question)
        return exists

    async def _ask(self, question: Question) -> bool:
        kind, name = question
        try:
            # httpx counts its timeout anew for every chunk; this is the longest wait for the whole answer.
            async with asyncio.timeout(self._timeout):
                response = await self._client.get(f"{self._base}/{kind}/{_segment(name)}")
        except (httpx.HTTPError, TimeoutError):
            raise UserProgressUnavailable from None
        if response.status_code in UNACCEPTABLE_ID_STATUSES:
            raise _IdNotTaken("The user-progress service does not take one of the ids.")
        if response.status_code not in {httpx.codes.OK, httpx.codes.NOT_FOUND}:
            raise UserProgressUnavailable
        return response.status_code == httpx.codes.OK


class RecentlyKnown:
    """Remembers up to ``size`` questions for ``seconds``; the least recently used goes first."""

    def __init__(self, size: int, seconds: float, monotonic: Callable[[], float]) -> None:
        self._size, self._seconds, self._monotonic = size, seconds, monotonic
        self._until: OrderedDict[Question, float] = OrderedDict()

    def __contains__(self, question: Question) -> bool:
        until = self._until.get(question)
        if until is None:
            return False
        if until <= self._monotonic():
            del self._until[question]
            return False
        self._until.move_to_end(question)
        return True

    def __len__(self) -> int:
        return len(self._until)

    def add(self, question: Question) -> None:
        self._until[question] = self._monotonic() + self._seconds
        self._until.move_to_end(question)
        while len(self._until) > self._size:
            self._until.popitem(last=False)


class Circuit:
    """Opens after ``failures`` in a row; ``seconds`` later one trial may close it."""

    def __init__(self, failures: int, seconds: float, monotonic: Callable[[], float]) -> None:
        self._limit, self._seconds, self._monotonic = failures, seconds, monotonic
        self._failures = 0
        self._opened_at: float | None = None
        self._trial_under_way = False

    @property
    def closed(self) -> bool:
        return self._opened_at is None

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Goes around one request. Raises UserProgressUnavailable, with nothing sent, while open."""
        is_trial = self._admit()
        try:
            yield
        except _IdNotTaken:
            # Counted as a failure, a handful of odd ids could shut the service for everybody.
            raise
        except UserProgressUnavailable:
            self._failed(is_trial)
            raise
        else:
            self._failures, self._opened_at = 0, None
        finally:
            # In whatever way a trial ends, cancelled too, the next may follow.
            if is_trial:
                self._trial_under_way = False

    def _admit(self) -> bool:
        """Return whether this attempt is the trial of an open circuit."""
        if self._opened_at is None:
            return False
        if self._trial_under_way or self._monotonic() < self._opened_at + self._seconds:
            raise UserProgressUnavailable
        self._trial_under_way = True
        return True

    def _failed(self, is_trial: bool) -> None:
        self._failures += 1
        # One that was sent before the circuit opened must not keep it open for longer.
        if is_trial or (self._opened_at is None and self._failures >= self._limit):
            self._opened_at = self._monotonic()


def _can_exist(name: str) -> bool:
    return 1 <= len(name) <= MAX_ID_LENGTH and is_storable(name)


def _segment(name: str) -> str:
    """Percent-encode an id as one path segment. "." and ".." are encoded as well: they would climb."""
    return quote(name, safe="") if name.strip(".") else "%2E" * len(name)


async def _all_or_first_failure(requests: Iterable[Coroutine[Any, Any, bool]]) -> list[bool]:
    tasks = [asyncio.ensure_future(request) for request in requests]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        # gather would leave the others running; their answers interest nobody any more.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise

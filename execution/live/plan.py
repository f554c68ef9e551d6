"""One subscription that many follow: asked once for all of them, and told to each when it says something new."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextvars import Context as Variables
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg
from graphql import located_error

from auth import Claims
from db.changes import tags_of
from db.engine import DatabaseUnavailable
from db.queries.callers import get_known_subjects
from execution.live.answer import Answer
from execution.live.subscription import Asked, Subscription
from resolvers.context import Context
from resolvers.errors import ClientError, Unauthenticated, Unavailable
from resolvers.live import DEFAULT_THROTTLE, History, Live
from resolvers.row_scope import Audience

if TYPE_CHECKING:
    from execution.live.plans import SharedPlans

Errors = Sequence[Mapping[str, Any]]
"""As they stand in an answer."""

RETRY_SECONDS = 2.0
"""When to ask again after something was unavailable."""


class Sink(Protocol):
    """Where the answers of one subscription of one client go. Nothing here waits."""

    @property
    def is_free(self) -> bool:
        """Whether the client has taken the answer before."""
        ...

    def put(self, payload: bytes) -> None:
        """Takes an answer, in place of one that is still waiting."""
        ...

    def end(self, errors: Errors) -> None:
        """Nothing more will come, because of the errors."""
        ...


class Follower:
    """One subscription of one client. ``since`` is the version that the client has, ``digest`` what it was told last."""

    def __init__(self, subscription: Subscription, asked: Asked, claims: Claims, sink: Sink) -> None:
        self.subscription = subscription
        self.asked = asked
        self.claims = claims
        self.sink = sink
        self.since = asked.since
        self.digest: bytes | None = None
        self.plan: SharedPlan | None = None
        self.expiry: asyncio.TimerHandle | None = None

    def expire_in_time(self) -> None:
        """The stream ends with the token, whether or not there is something to tell."""
        left = (self.claims.expires_at - datetime.now(UTC)).total_seconds()
        self.expiry = asyncio.get_running_loop().call_later(max(0.0, left), self.expire)

    def expire(self) -> None:
        """The token has ended."""
        self.end(Unauthenticated("The token has expired."))

    def tell(self, answer: Answer) -> bool:
        """Hands an answer on, if it is news; whether it is."""
        if answer.digest == self.digest:
            return False
        self.digest, self.since = answer.digest, answer.version
        self.sink.put(answer.payload)
        return True

    def end(self, error: ClientError) -> None:
        """Leaves, and tells the client why."""
        self.end_with([{"message": str(error), "path": [self.subscription.key], "extensions": error.extensions}])

    def end_with(self, errors: Errors) -> None:
        self.leave()
        self.sink.end(errors)

    def leave(self) -> None:
        """The client is gone, or has enough."""
        if self.expiry is not None:
            self.expiry.cancel()
        if self.plan is not None:
            self.plan.leave(self)


class SharedPlan:
    """Wakes on change tags, asks once for each version that followers have (which is one, in general), and tells everybody
    to whom that is news. Whether they may know it is decided anew each time.
    """

    def __init__(self, plans: SharedPlans, key: Hashable, audience: Audience, like: Follower, history: History) -> None:
        self.key = key
        self.tags: frozenset[str] = frozenset()
        self.history = history
        self._plans = plans
        self._audience = audience
        self._subscription = like.subscription
        self._variables = like.asked.variables
        self._throttle = DEFAULT_THROTTLE
        self._followers: dict[Follower, None] = {}
        self._waiting: dict[Follower, None] = {}
        # What holds until the next wake-up, by the version that it starts from.
        self._answers: dict[str | None, Answer] = {}
        self._wakeups = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False
        self._task: asyncio.Task[None] | None = None
        self._people: frozenset[str] = frozenset()

    @property
    def followers(self) -> list[Follower]:
        return list(self._followers)

    @property
    def is_busy(self) -> bool:
        """Whether something is asked, or is to be asked soon."""
        return self._task is not None or self._timer is not None

    def join(self, follower: Follower) -> None:
        """From now on the follower is told; at once for the first time."""
        follower.plan = self
        self._followers[follower] = None
        self._waiting[follower] = None
        self._start()

    def leave(self, follower: Follower) -> None:
        """A plan ends with its last follower."""
        follower.plan = None
        self._waiting.pop(follower, None)
        del self._followers[follower]
        if self._followers:
            return
        self._plans.forget(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def wake(self, seconds: float | None = None) -> None:
        """Something has changed: what is known no longer holds, and everybody is told after the throttle."""
        self._wakeups += 1
        self._answers.clear()
        if self._timer is None and self._followers:
            delay = self._throttle if seconds is None else seconds
            self._timer = asyncio.get_running_loop().call_later(delay, self._come_due)

    def _come_due(self) -> None:
        self._timer = None
        self._is_due = True
        self._start()

    def _start(self) -> None:
        if self._task is None:
            # Not in the context of the request that happens to be first: its id has nothing to do with the others.
            self._task = asyncio.get_running_loop().create_task(self._work(), context=Variables())

    async def _work(self) -> None:
        try:
            while self._followers and (self._waiting or self._is_due):
                chosen = self._followers if self._is_due else self._waiting
                self._is_due = False
                turn = list(chosen)
                self._waiting.clear()
                await self._turn(turn)
        except Exception as error:
            failure = located_error(error, path=[self._subscription.key])
            errors = [error.formatted for error in self._plans.graph.presented([failure])]
            for follower in self.followers:
                follower.end_with(errors)
        finally:
            self._task = None

    async def _turn(self, turn: list[Follower]) -> None:
        """Tells these followers what there is to tell."""
        while turn := self._present(turn):
            try:
                answers = await self._ask_for(turn)
                known = await self._known(turn)
            except (DatabaseUnavailable, asyncpg.QueryCanceledError):
                self._put_off(turn)
                return
            strangers = [follower for follower in self._present(turn) if follower.claims.subject not in known]
            for follower in strangers:
                follower.end(Unauthenticated("The token's organization or person is not known here."))
            # What was asked as somebody who is not known here is good for nobody.
            if turn[0] not in strangers and (turn := self._present(turn)):
                self._tell_all(turn, answers)
                return

    def _tell_all(self, turn: list[Follower], answers: dict[str | None, Answer]) -> None:
        audience = max(answer.audience for answer in answers.values())
        if audience > self._audience:
            self._plans.narrow(self, audience)
            return
        same = next((answer for answer in answers.values() if not answer.depends_on_since), None)
        for follower in turn:
            self._tell(follower, same or answers.get(self._version_of(follower)) or answers.get(None))
        if any(answer.is_passing for answer in answers.values()):
            self.wake(RETRY_SECONDS)
        elif any(answer.has_more for answer in answers.values()):
            self.wake()

    def _present(self, turn: Iterable[Follower]) -> list[Follower]:
        """Those who are still there, and whose token has not ended."""
        now = datetime.now(UTC)
        present = []
        for follower in turn:
            if follower.plan is not self:
                continue
            if follower.claims.expires_at > now:
                present.append(follower)
            else:
                follower.expire()
        return present

    def _version_of(self, follower: Follower) -> str | None:
        """The version to start from: none that is forgotten, and none for a client that has not taken the answer before, since
        the next one takes its place.
        """
        is_known = follower.sink.is_free and self.history.find(follower.since) is not None
        return follower.since if is_known else None

    async def _ask_for(self, turn: list[Follower]) -> dict[str | None, Answer]:
        """The answers by the version that followers have, asked as the first of them."""
        if self._answers:
            # What was committed before somebody joined, they want to see.
            await self._plans.services.changes.catch_up()
        if not self._plans.services.changes.hears:
            self._answers.clear()
        found: dict[str | None, Answer] = {}
        for follower in turn:
            version = self._version_of(follower)
            if version not in found:
                found[version] = _from(version, self._answers) or await self._ask(turn[0].claims, version)
                if not found[version].depends_on_since:
                    # The same for everybody.
                    break
        return found

    async def _ask(self, claims: Claims, version: str | None) -> Answer:
        before = self._wakeups
        live = Live(self.history, version)
        context = Context(self._plans.services, claims, live=live)
        with self._plans.hearing() as heard:
            async with self._plans.turns:
                self._plans.asked += 1
                result = await self._plans.graph.ask(self._subscription.operation, self._variables, context)
            answer = Answer.of(self._subscription, result, live, context.audience)
            if answer.errors is not None:
                return answer
            self._throttle = answer.throttle
            self._plans.retag(self, answer.tags | self._people)
            # What was told before it was known by which tags the plan is concerned.
            if heard & self.tags:
                self.wake()
        if before == self._wakeups and not answer.is_passing:
            self._answers[version] = answer
        return answer

    async def _known(self, turn: list[Follower]) -> frozenset[str]:
        """Who of them is still known here. Their own tags wake the plan from then on."""
        claims = turn[0].claims
        subjects = {follower.claims.subject for follower in turn}
        found = await get_known_subjects(
            self._plans.services.read_pool, claims.organization, claims.role.value, subjects
        )
        self._people |= set(tags_of(users=[key for key in found.values() if key is not None]))
        self._plans.retag(self, self.tags | self._people)
        return frozenset(found)

    def _tell(self, follower: Follower, answer: Answer | None) -> None:
        if answer is None:
            # The version that it has was forgotten meanwhile.
            self._waiting[follower] = None
        elif answer.is_passing and follower.digest is not None:
            # What the client has is better.
            pass
        elif answer.errors is None:
            self._plans.told += follower.tell(answer)
        else:
            follower.end_with(answer.errors)

    def _put_off(self, turn: list[Follower]) -> None:
        """Who has no answer yet is told that there is none now; the others hear of it when there is one again."""
        for follower in self._present(turn):
            if follower.digest is None:
                follower.end(Unavailable())
        self.wake(RETRY_SECONDS)


def _from(version: str | None, answers: Mapping[str | None, Answer]) -> Answer | None:
    """The answer for those who have this version: one that starts from it, or one that is the same for everybody."""
    return answers.get(version) or next((answer for answer in answers.values() if not answer.depends_on_since), None)

"""All subscriptions that are followed in this process, and the feed of changes that wakes them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from graphql import ExecutionResult, GraphQLError, GraphQLSchema

from auth import Claims
from db.changes import EVERYTHING
from db.entering import Caller
from execution.live.plan import Follower, SharedPlan, Sink
from execution.live.subscription import Subscription
from execution.operations import Operation
from resolvers.context import Context, Services
from resolvers.errors import Unauthenticated
from resolvers.live import History
from resolvers.row_scope import Audience, RowScope

MOST_HISTORIES = 100
"""How many histories of plans that have ended are kept for clients that return."""
MOST_NARROWED = 1_000


class LiveGraph(Protocol):
    """What plans need of the graph."""

    schema: GraphQLSchema

    async def ask(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> ExecutionResult: ...

    def presented(self, errors: list[GraphQLError]) -> list[GraphQLError]: ...


class SharedPlans:
    """One plan for each operation, its variables, and those who may share its answers."""

    def __init__(self, graph: LiveGraph, services: Services) -> None:
        self.graph = graph
        self.services = services
        # Plans that are woken together leave room for requests.
        self.turns = asyncio.Semaphore(max(1, services.settings.db_pool_size // 2))
        self.asked = 0
        """How often a subscription was executed."""
        self.told = 0
        """How many answers were handed to followers."""
        self._plans: dict[Hashable, SharedPlan] = {}
        self._by_tag: dict[str, set[SharedPlan]] = {}
        self._hearing: dict[object, set[str]] = {}
        self._histories: OrderedDict[Hashable, History] = OrderedDict()
        self._narrowed: OrderedDict[tuple[str, str | None], Audience] = OrderedDict()
        self._watches = False

    def __len__(self) -> int:
        return len(self._plans)

    @property
    def followers(self) -> int:
        """How many subscriptions of clients there are."""
        return sum(len(plan.followers) for plan in self._plans.values())

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for an answer, or for what a change has made of it."""
        return any(plan.is_busy for plan in self._plans.values())

    def follow(
        self, operation: Operation, variables: dict[str, Any] | None, claims: Claims | None, sink: Sink
    ) -> Follower:
        """Tells the sink the answer to a subscription, and every other one from then on.

        The variables are such as the operation takes. Raises Unauthenticated.
        """
        if claims is None:
            raise Unauthenticated
        if claims.expires_at <= datetime.now(UTC):
            raise Unauthenticated("The token has expired.")
        if not self._watches:
            self.services.changes.watch(self)
            self._watches = True
        subscription = Subscription.of(self.graph.schema, operation)
        follower = Follower(subscription, subscription.asked(variables), claims, sink)
        follower.expire_in_time()
        self._join(follower)
        return follower

    def narrow(self, plan: SharedPlan, audience: Audience) -> None:
        """What the plan asks turned out to be good for fewer people than share it: each goes on in a plan of their own."""
        operation = plan.followers[0].subscription.operation
        self._narrowed[operation.text, operation.name] = audience
        while len(self._narrowed) > MOST_NARROWED:
            self._narrowed.popitem(last=False)
        for follower in plan.followers:
            plan.leave(follower)
            self._join(follower)

    def forget(self, plan: SharedPlan) -> None:
        """The plan has ended. Its history is kept for those who return."""
        self._plans.pop(plan.key, None)
        self.retag(plan, frozenset())
        self._histories[plan.key] = plan.history
        while len(self._histories) > MOST_HISTORIES:
            self._histories.popitem(last=False)

    def retag(self, plan: SharedPlan, tags: frozenset[str]) -> None:
        """From now on the plan is woken by these tags alone."""
        for tag in plan.tags - tags:
            self._by_tag[tag].discard(plan)
            if not self._by_tag[tag]:
                del self._by_tag[tag]
        for tag in tags - plan.tags:
            self._by_tag.setdefault(tag, set()).add(plan)
        plan.tags = tags

    @contextmanager
    def hearing(self) -> Iterator[set[str]]:
        """Whatever is told meanwhile."""
        listener = object()
        heard = self._hearing[listener] = set()
        try:
            yield heard
        finally:
            del self._hearing[listener]

    def close(self) -> None:
        """Everybody leaves."""
        for plan in list(self._plans.values()):
            for follower in plan.followers:
                follower.leave()

    def _join(self, follower: Follower) -> None:
        operation, claims = follower.subscription.operation, follower.claims
        caller = Caller(claims.organization, claims.subject, claims.role.value, claims.group_ids)
        audience = max(
            Audience.SCOPE if caller.sees_all else Audience.PERSON,
            self._narrowed.get((operation.text, operation.name), Audience.SCOPE),
        )
        scope = RowScope.of(caller) if audience is Audience.SCOPE else RowScope.personal(caller)
        token = claims.expires_at if audience is Audience.TOKEN else None
        key = (operation.text, operation.name, follower.asked.name, scope, token)
        plan = self._plans.get(key)
        if plan is None:
            history = self._histories.pop(key, None) or History()
            plan = self._plans[key] = SharedPlan(self, key, audience, follower, history)
        plan.join(follower)

    def changed(self, tags: frozenset[str]) -> None:
        """Wakes the plans that are concerned."""
        for heard in self._hearing.values():
            heard |= tags
        if EVERYTHING in tags:
            concerned = set(self._plans.values())
        else:
            concerned = {plan for tag in tags for plan in self._by_tag.get(tag, ())}
        for plan in concerned:
            plan.wake()

    def deaf(self) -> None:
        """Nothing to do: while nothing is heard no answer is kept, and all plans are woken afterwards."""

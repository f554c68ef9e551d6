"""Who may ask for how much: a limit for each operation and a budget for each minute, by role, in units of cost.

An operation is charged before it is executed, whatever becomes of it. Nothing is charged for an answer that was kept, nor for
what a subscription sends after its first answer: both are made once for many. Callers without a token have no budget and need
none, since nothing that is answered to them reaches the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog
from graphql import GraphQLSchema

from auth import Claims, Role
from execution.cost import Cost, CostMeter
from execution.leases import SLICES, WINDOW, Balance, Caller, Leases
from execution.operations import Operation
from execution.refusals import Refusal
from execution.representation import Headers
from settings import CostMode, Settings

MOST_NODES = 20_000
"""Objects that one answer can have, for everybody."""

REPORT_HEADER = b"graphql-cost"
"""Whoever sends it, with any value but 0, is told the cost in ``extensions.cost``."""

log = structlog.get_logger(__name__)


def wants_report(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request, by its headers in small letters, asks for ``extensions.cost``. Such an answer is not to be kept."""
    return headers.get(REPORT_HEADER, b"0").strip() not in (b"", b"0")


class _Terms(NamedTuple):
    """Of one role."""

    limit: int
    budget: int
    policy: bytes


class Admission(NamedTuple):
    """What was found of an operation that may run, and what its answer tells about it; of one that nobody counts by default."""

    cost: Cost = Cost(0, 0)
    headers: Headers = ()
    """By draft-ietf-httpapi-ratelimit-headers-11; the unit is cost."""
    limit: int = 0
    remaining: int = 0

    @property
    def extensions(self) -> dict[str, Any]:
        """For ``extensions`` of the answer, if its client wants a report."""
        if not self.headers:
            return {}
        cost, nodes = self.cost
        return {"cost": {"requested": cost, "nodes": nodes, "limit": self.limit, "remaining": self.remaining}}


FREE = Admission()


class Budgets:
    """Of one process."""

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        self._mode = settings.cost
        self._meter = CostMeter(schema)
        self._leases = Leases(settings.redis_url)
        self._terms = {
            Role(role): _terms(settings.cost_limits[role], budget) for role, budget in settings.cost_budgets.items()
        }

    async def admit(
        self, operation: Operation, variables: Mapping[str, Any] | None, claims: Claims | None
    ) -> Admission:
        """Charges an operation. Raises Refusal where it asks for too much, or its caller has asked for too much lately."""
        if self._mode is CostMode.OFF or claims is None:
            return FREE
        terms = self._terms[claims.role]
        cost = self._meter.measure(operation, variables)
        if cost.nodes > MOST_NODES:
            self._refuse(_too_many_nodes(cost), claims)
        elif cost.total > terms.limit:
            self._refuse(_too_dear(cost, terms), claims)
        caller = Caller(claims.organization, claims.subject, claims.role)
        balance = await self._leases.take(caller, terms.budget, min(cost.total, terms.limit))
        if not balance.granted:
            self._refuse(_too_often(cost, terms, balance), claims)
        return Admission(cost, _headers(terms, balance), terms.limit, balance.remaining)

    async def aclose(self) -> None:
        await self._leases.aclose()

    def _refuse(self, refusal: Refusal, claims: Claims) -> None:
        """Raises it, or in measure mode notes that it would have."""
        if self._mode is CostMode.ENFORCE:
            raise refusal
        log.warning("would_refuse", role=claims.role.value, **refusal.extensions)


def largest_cost(settings: Settings, role: Role) -> int | None:
    """What one operation of the role may cost; None where nothing is refused for its cost."""
    if settings.cost is not CostMode.ENFORCE:
        return None
    return _terms(settings.cost_limits[role], settings.cost_budgets[role]).limit


def _terms(limit: int, budget: int) -> _Terms:
    # In whole slices; and nothing may cost more than there ever is.
    budget -= budget % min(SLICES, budget)
    return _Terms(min(limit, budget), budget, b'"cost";q=%d;w=%d' % (budget, WINDOW))


def _too_many_nodes(cost: Cost) -> Refusal:
    return Refusal(
        400,
        f"This asks for up to {cost.nodes:,} objects, and an answer has at most {MOST_NODES:,}. Ask for smaller pages.",
        "NODE_LIMIT_EXCEEDED",
        cost=cost.total,
        nodes=cost.nodes,
        limit=MOST_NODES,
    )


def _too_dear(cost: Cost, terms: _Terms) -> Refusal:
    return Refusal(
        400,
        f"This costs {cost.total:,}, and an operation may cost {terms.limit:,}. Ask for less at a time.",
        "COST_LIMIT_EXCEEDED",
        cost=cost.total,
        limit=terms.limit,
    )


def _too_often(cost: Cost, terms: _Terms, balance: Balance) -> Refusal:
    return Refusal(
        429,
        f"This costs {cost.total:,}, and {balance.remaining:,} are left for now. Try again in {balance.reset} s.",
        "RATE_LIMITED",
        headers={
            **{name.decode(): value.decode() for name, value in _headers(terms, balance)},
            "retry-after": str(balance.reset),
        },
        cost=cost.total,
        limit=terms.budget,
        remaining=balance.remaining,
        retryAfter=balance.reset,
    )


def _headers(terms: _Terms, balance: Balance) -> Headers:
    said = b'"cost";r=%d;t=%d' % (balance.remaining, balance.reset)
    return (b"ratelimit-policy", terms.policy), (b"ratelimit", said)

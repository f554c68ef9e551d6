"""The smallest gateway the page can be tried on: one token, one viewer, one leaderboard that moves."""

import asyncio
from collections.abc import AsyncIterator
from enum import Enum
from typing import Any

import strawberry
from graphql import GraphQLError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import Info

import web

TOKEN = "stand-in-token"


@strawberry.enum
class Role(Enum):
    STUDENT = "STUDENT"
    TEACHER = "TEACHER"


@strawberry.enum
class LeaderboardScope(Enum):
    ORGANIZATION = "ORGANIZATION"
    GROUP = "GROUP"


@strawberry.enum
class LeaderboardMetric(Enum):
    SCORE = "SCORE"
    POINTS = "POINTS"


@strawberry.type
class UserPerformance:
    score: float
    tasks_completed: int
    experience_level: int


@strawberry.type
class User:
    display_name: str
    performance: UserPerformance


@strawberry.type
class Organization:
    name: str


@strawberry.type
class Viewer:
    user: User
    role: Role
    organization: Organization


@strawberry.type
class LeaderboardEntry:
    rank: int
    display_name: str
    score: float


@strawberry.type
class LeaderboardUpdate:
    version: int
    changed: list[LeaderboardEntry]


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self, info: Info[dict[str, Any], None]) -> Viewer:
        if info.context["request"].headers.get("authorization") != f"Bearer {TOKEN}":
            raise GraphQLError("The token is not accepted.", extensions={"code": "UNAUTHENTICATED"})
        performance = UserPerformance(score=91.5, tasks_completed=42, experience_level=7)
        ada = User(display_name="Ada Lovelace", performance=performance)
        return Viewer(user=ada, role=Role.TEACHER, organization=Organization(name="Northwind"))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def leaderboard_updated(
        self, scope: LeaderboardScope, metric: LeaderboardMetric, first: int = 50
    ) -> AsyncIterator[LeaderboardUpdate]:
        for version in range(1, 1000):
            first_place = LeaderboardEntry(rank=1, display_name="Ada Lovelace", score=90.0 + version)
            yield LeaderboardUpdate(version=version, changed=[first_place])
            await asyncio.sleep(0.1)


class Endpoint(GraphQL[dict[str, Any], None]):
    async def on_ws_connect(self, context: dict[str, Any]) -> None:
        if context["connection_params"] != {"authorization": f"Bearer {TOKEN}"}:
            raise ConnectionRejectionError


endpoint = Endpoint(
    strawberry.Schema(Query, subscription=Subscription),
    graphql_ide=None,
    subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
)


class PageAndGraph:
    """The page to a browser, the graph to everybody else, at one address."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "text/html" in Request(scope).headers.get("accept", ""):
            policy = {"Content-Security-Policy": web.CONTENT_SECURITY_POLICY}
            await FileResponse(web.DIST / "index.html", headers=policy)(scope, receive, send)
        else:
            await endpoint(scope, receive, send)


def app() -> Starlette:
    return Starlette(
        routes=[
            Route("/graphql", PageAndGraph(), methods=["GET", "POST"]),
            WebSocketRoute("/graphql", endpoint),
            Mount("/assets", StaticFiles(directory=web.DIST / "assets")),
        ]
    )

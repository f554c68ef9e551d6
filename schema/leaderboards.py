"""Leaderboards."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Self

import strawberry
from strawberry.types.base import StrawberryObjectDefinition

from db.parts import Table
from db.queries.leaderboards import LeaderboardMetric, LeaderboardScope, RankingMethod, Standing
from execution.columns import Columns, column, foresee, reference, row_reference, wanted
from resolvers.leaderboards import (
    LARGEST_RADIUS,
    BoardOf,
    resolve_around,
    resolve_leaderboard,
    resolve_own_standing,
    resolve_ranked_people,
    resolve_standings,
    resolve_top,
)
from resolvers.loaders.leaderboards import load_best_scores_with_ties
from resolvers.loaders.users import load_ranking_score_by_user, load_tasks_by_user, load_user_by_id
from schema import users
from schema.costs import BY_FIRST, cost, within
from schema.enums import describe_enum
from schema.measures import number_of, number_or_null_of
from schema.periods import Period, PeriodInput
from schema.relay import (
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    connection_of,
    key_of,
    page_of,
)
from schema.texts import shown_name

if TYPE_CHECKING:
    from schema.users import User

describe_enum(
    LeaderboardScope,
    "LeaderboardScope",
    "Whose and which attempts a board is made of.",
    {
        "ORGANIZATION": "Everybody in the organization.",
        "GROUP": "The present members of a group.",
        "TOPIC": "Everybody, by the labs of a topic.",
        "LEVEL": "Everybody, by the labs of a level.",
        "LAB": "Everybody, by one lab.",
    },
)
describe_enum(
    LeaderboardMetric,
    "LeaderboardMetric",
    "What people are ranked by. Values are compared as displayed; without a value there is no rank.",
    {
        "SCORE": "Performance score, 0–100 to one decimal.",
        "TASKS": "Tasks completed.",
        "SUCCESS_RATE": "Successes / finished attempts, 0–1 to three decimals.",
        "FASTEST": "Mean seconds of a completed task (the first success of each lab), shortest first.",
    },
)
describe_enum(
    RankingMethod,
    "RankingMethod",
    "What happens to places after a tie.",
    {
        "COMPETITION": "Equal values share a rank and leave a gap: 1, 1, 3.",
        "DENSE": "Equal values share a rank without a gap: 1, 1, 2.",
        "ORDINAL": "Each row has a rank of its own, ties by the order of ids: 1, 2, 3.",
    },
)
# What it costs to rank everybody in a scope.
BOARD = 50
AROUND = within("radius", LARGEST_RADIUS)

# The type of the node that a board is of.
KINDS = {
    LeaderboardScope.ORGANIZATION: "Organization",
    LeaderboardScope.GROUP: "Group",
    LeaderboardScope.TOPIC: "Topic",
    LeaderboardScope.LEVEL: "Level",
    LeaderboardScope.LAB: "Lab",
}


@strawberry.type(description="A person's place on a board.")
class LeaderboardEntry:
    row: strawberry.Private[Standing]
    rank: int = column("rank", description="1 is best; how ties are ranked, the board's `ranking` says.")
    tied_with: int = column("tied_with", description="How many others have the same value.")
    value: float = column(number_of("value"), description="The value that is ranked, in the metric's unit.")

    @classmethod
    def from_standing(cls, standing: Standing) -> Self:
        return cls(row=standing)

    user: Annotated[User, strawberry.lazy("schema.users")] = row_reference(
        load_user_by_id, "user_id", lambda: users.User, description="The person."
    )
    display_name: str = reference(
        load_user_by_id,
        "user_id",
        lambda row: shown_name(users.User.of_found(row).row.display_name),
        description="The person's name as people read it.",
    )
    score: float | None = reference(
        load_ranking_score_by_user,
        "user_id",
        number_or_null_of("score"),
        description="The person's all-time score, whatever the board ranks by.",
    )
    tasks_completed: int = reference(
        load_tasks_by_user,
        "user_id",
        lambda tasks: tasks,
        description="The person's tasks completed over all time, whatever the board ranks by.",
    )


def entries_of(standings: Table) -> list[LeaderboardEntry]:
    """The rows that show these places."""
    return Columns(LeaderboardEntry.from_standing, standings.columns, standings.values)  # type: ignore[return-value]


@strawberry.type(
    description="A board, exact at the instant of the answer. Everybody in the scope is ranked; the rows shown are those of "
    "people whom the viewer may see, with their true ranks. The deactivated are not on it."
)
class Leaderboard:
    of: strawberry.Private[BoardOf]
    scope: LeaderboardScope = strawberry.field(description="Whose and which attempts it is made of.")
    metric: LeaderboardMetric = strawberry.field(description="What people are ranked by.")
    ranking: RankingMethod = strawberry.field(description="What happens to places after a tie.")
    period: Period | None = strawberry.field(description="The period that was asked for; null for all time.")

    @classmethod
    def from_board(cls, of: BoardOf) -> Self:
        return cls(
            of=of,
            scope=of.board.scope,
            metric=of.board.metric,
            ranking=of.board.method,
            period=Period.from_period(of.period) if of.period else None,
        )

    @strawberry.field(description="The organization, group, topic, level or lab that it is the board of.")
    async def scope_entity(self, info: Info) -> Node | None:
        # Asked of the graph: a board is of a group, and a group has boards, so that neither module can import the other.
        kind = info.schema.get_type_by_name(KINDS[self.of.board.scope])
        assert isinstance(kind, StrawberryObjectDefinition)
        entity: Node = await kind.origin.from_key(info, self.of.scope_id)
        return entity

    @strawberry.field(
        description="How many people are ranked; null where the viewer may see none of them.", directives=[cost(BOARD)]
    )
    async def ranked_people(self, info: Info) -> int | None:
        return await resolve_ranked_people(info.context, self.of)

    @strawberry.field(
        description="The rows, best first; equal values by the order of ids.", directives=[*PAGED, cost(BOARD)]
    )
    async def entries(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[LeaderboardEntry] | None:
        order = f"board:{self.of.board.metric}"
        page = page_of(first, after, last, before, order=order, types=(Decimal, int))
        listing = await resolve_standings(info.context, self.of, page)
        return connection_of(page, listing, order, LeaderboardEntry.from_standing)

    @strawberry.field(
        description="The best rows, and everybody who is tied with the last of them.",
        directives=[BY_FIRST, cost(BOARD)],
    )
    async def top(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many places, 1–200; ties come on top.")] = 10,
    ) -> list[LeaderboardEntry] | None:
        await foresee(info, load_best_scores_with_ties, first, known=(load_ranking_score_by_user,))
        return entries_of(await resolve_top(info.context, self.of, first, wanted(info)))

    @strawberry.field(
        description="A person's row and those around it; empty where the person is not ranked or not visible.",
        directives=[AROUND, cost(BOARD)],
    )
    async def around(
        self,
        info: Info,
        user_id: Annotated[strawberry.ID, strawberry.argument(description="The person.")],
        radius: Annotated[int, strawberry.argument(description="How many places before and after, 0–50.")] = 5,
    ) -> list[LeaderboardEntry] | None:
        key = key_of("User", user_id, "userId")
        return entries_of(await resolve_around(info.context, self.of, key, radius))

    @strawberry.field(description="The viewer's own row; null where they are not ranked.", directives=[cost(BOARD)])
    async def me(self, info: Info) -> LeaderboardEntry | None:
        own = await resolve_own_standing(info.context, self.of)
        return LeaderboardEntry.from_standing(own) if own else None


Scope = Annotated[LeaderboardScope, strawberry.argument(description="Whose and which attempts it is made of.")]
ScopeId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Id of the group, topic, level or lab; not needed for the organization."),
]
Metric = Annotated[LeaderboardMetric, strawberry.argument(description="What to rank by.")]
Ranking = Annotated[RankingMethod, strawberry.argument(description="What happens to places after a tie.")]
BoardPeriod = Annotated[
    PeriodInput | None,
    strawberry.argument(
        description="Only what was completed in this period; all time by default.", directives=[cost(1_000)]
    ),
]


async def leaderboard_of(
    info: Info,
    scope: LeaderboardScope,
    scope_id: int | None,
    metric: LeaderboardMetric,
    ranking: RankingMethod,
    period: PeriodInput | None,
) -> Leaderboard:
    """The board of a scope whose id is known already."""
    spec = period.to_spec() if period else None
    return Leaderboard.from_board(await resolve_leaderboard(info.context, scope, scope_id, metric, ranking, spec))


def scope_key(scope: LeaderboardScope, scope_id: str | None) -> int | None:
    """The key in a scope's id. Raises Invalid, NotFound."""
    return None if scope_id is None else key_of(KINDS[scope], scope_id, "scopeId")


@strawberry.type
class LeaderboardQuery:
    @strawberry.field(description="A leaderboard.")
    async def leaderboard(
        self,
        info: Info,
        scope: Scope = LeaderboardScope.ORGANIZATION,
        scope_id: ScopeId = None,
        metric: Metric = LeaderboardMetric.SCORE,
        ranking: Ranking = RankingMethod.COMPETITION,
        period: BoardPeriod = None,
    ) -> Leaderboard | None:
        return await leaderboard_of(info, scope, scope_key(scope, scope_id), metric, ranking, period)

"""Awards as they are given, for those who follow them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from db.queries.award_rules import AwardKind
from execution.live.noise import NOISE
from resolvers.award_updates import Followed, New, resolve_award_tags, resolve_new_awards
from resolvers.errors import Invalid
from resolvers.live import DEFAULT_THROTTLE, Live
from schema.awards import PerformanceBadge, PerformanceMilestone
from schema.costs import assumed
from schema.live import Since, Throttle
from schema.relay import Info, key_of

Award = Annotated[
    PerformanceBadge | PerformanceMilestone, strawberry.union("Award", description="What a person was awarded.")
]


@strawberry.type(description="Awards that were given since the version before.")
class AwardUpdate:
    new: strawberry.Private[New]
    live: strawberry.Private[Live]

    @strawberry.field(
        description="In the order in which they were given, as they are now; at most 200, the others follow in the next answer.",
        metadata=NOISE,
        directives=[assumed(10)],
    )
    def awards(self) -> list[Award]:
        return [
            PerformanceBadge.from_row(row) if row.kind == AwardKind.BADGE else PerformanceMilestone.from_row(row)
            for row in self.new.rows
        ]

    @strawberry.field(
        description="Whether `awards` are the latest, 200 at most, not those since the version before: on the first answer without "
        "`since`, and whenever the version before is no longer known, or the client was too slow to take it.",
        metadata=NOISE,
    )
    def is_snapshot(self) -> bool:
        return self.live.state_before is None

    @strawberry.field(
        description="Names the last award that was told. Give it as `since` on returning.",
        metadata=NOISE,
    )
    def version(self) -> str:
        return str(self.live.version)


@strawberry.type
class AwardSubscription:
    @strawberry.subscription(
        description="Badges and milestones as they are given, by the rules or by hand, to people whom the viewer may see: the "
        "latest at once, and then what is new. Access is decided anew for each answer; the stream ends when the token does."
    )
    async def award_granted(
        self,
        info: Info,
        user_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only those of this person.")] = None,
        group_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those of people who are in this group now.")
        ] = None,
        since: Since = None,
        throttle: Throttle = DEFAULT_THROTTLE,
    ) -> AsyncGenerator[AwardUpdate, None]:
        if user_id is not None and group_id is not None:
            raise Invalid("Give a person or a group, not both.", "groupId")
        followed = Followed(
            None if user_id is None else key_of("User", user_id, "userId"),
            None if group_id is None else key_of("Group", group_id, "groupId"),
        )
        live = info.context.live or Live(since=since)
        live.follow(await resolve_award_tags(info.context, followed), throttle)
        new = await resolve_new_awards(info.context, followed, live.state_before)
        live.record((new.up_to,))
        live.has_more = new.has_more
        yield AwardUpdate(new=new, live=live)

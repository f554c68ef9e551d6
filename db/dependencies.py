"""On what the answer to a statement depends, said beside its SQL. What is not said is all: any change in the organization.

A statement's rows may also change because other people become visible. About people, that is told with the people and groups
concerned; about the viewer, it ends what is known of them. So a statement names what its rows are about, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VIEWS = "views"


@dataclass(frozen=True, slots=True)
class Dependency:
    """Change tags of one kind: of the ids in a parameter (NULL for any), or given as they are; without ids, that of the
    organization.
    """

    kind: str
    ids: str | Sequence[int] | None = None

    def tags(self, values: Mapping[str, Any], organization_id: int) -> Iterable[str]:
        if self.kind == VIEWS:
            return (VIEWS,)
        if self.ids is None:
            return (f"{self.kind}:{organization_id}",)
        ids = values[self.ids] if isinstance(self.ids, str) else self.ids
        if ids is None:
            return (f"org:{organization_id}", VIEWS)
        return [f"{self.kind}:{key}" for key in ids]


def on_users(ids: str | Sequence[int]) -> Dependency:
    """These people: who they are, what they did, and where they belong."""
    return Dependency("user", ids)


def on_groups(ids: str | Sequence[int]) -> Dependency:
    """These groups, the people who are or were in them, and what those did."""
    return Dependency("group", ids)


def on_labs(ids: str | Sequence[int]) -> Dependency:
    """These labs, and what was done in them."""
    return Dependency("lab", ids)


ON_CATALOGUE = Dependency("catalogue")
"""Labs, topics and levels, and how they belong together."""
ON_ROSTER = Dependency("roster")
"""People, groups and memberships, but not what anybody did."""
ON_ORGANIZATION = Dependency("all")
"""The organization's own row. A change of it is told as one of everything, so that goes without saying."""
ON_VIEWS = Dependency(VIEWS)
"""The materialized views, as they were refreshed last."""
ON_EVERYTHING = (Dependency("org"), ON_VIEWS)
"""Anything in the organization, and the materialized views."""

_CLOCK = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(|\bcurrent_(date|time)|\blocaltime"
)
_PRESENCE = re.compile(r"valid_from <= now\(\)|valid_to > now\(\)")


def tells_time(sql: str) -> bool:
    """Whether a statement asks for the time, other than for who is a member now: that is known until when it holds."""
    return _CLOCK.search(_PRESENCE.sub("", sql.lower())) is not None

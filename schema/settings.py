"""The settings of a gateway."""

from __future__ import annotations

from typing import Self

import strawberry

from resolvers import settings


@strawberry.type(description="A setting of the gateway that answers, which is a variable of its environment.")
class Setting:
    name: str = strawberry.field(description="The variable.")
    value: str | None = strawberry.field(
        description="What it is, given or by default; null for nothing. Lists have commas, URLs neither credentials nor a query. Secrets, "
        "names to sign in with, and people's addresses are never told."
    )
    is_set: bool = strawberry.field(description="Whether it was given; otherwise it is the default.")
    description: str = strawberry.field(description="What it is for.")

    @classmethod
    def from_setting(cls, setting: settings.Setting) -> Self:
        return cls(name=setting.name, value=setting.value, is_set=setting.is_set, description=setting.description)

"""The arguments that live answers have in common."""

from typing import Annotated

import strawberry

Throttle = Annotated[
    float,
    strawberry.argument(description="At most one answer in so many seconds, 0.1–60; changes in between come together."),
]
Since = Annotated[
    str | None,
    strawberry.argument(
        description="The `version` that the client has, for whoever returns: the first answer then holds what was missed "
        "since, or a snapshot where that is no longer known."
    ),
]

"""Conditions on a value that filters of several subjects share."""

from __future__ import annotations

from datetime import datetime

import strawberry


@strawberry.input(description="Instants in a half-open interval.")
class DateTimeFilter:
    gte: datetime | None = strawberry.field(default=None, description="At or after this instant.")
    lt: datetime | None = strawberry.field(default=None, description="Before this instant.")


@strawberry.input(description="Numbers in a closed interval.")
class FloatFilter:
    gte: float | None = strawberry.field(default=None, description="At least this.")
    lte: float | None = strawberry.field(default=None, description="At most this.")

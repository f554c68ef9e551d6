"""Batches of people, their totals and their ranks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from db.batch import Batch, row_of_each, value_of_each
from db.queries.users import USER_RANKS, Ranking, UserRow, user_totals, users_by_id

load_user_by_id: Batch[UserRow | None] = Batch(users_by_id, row_of_each(UserRow))
"""Takes the wanted columns."""
load_user_totals_by_id: Batch[Any] = Batch(user_totals, row_of_each())
"""All-time totals. Takes the wanted columns."""
load_ranking_score_by_user: Batch[Decimal | None] = Batch(
    lambda: user_totals(frozenset({"ranking_score"})), value_of_each
)
"""All-time scores as displayed."""
load_tasks_by_user: Batch[int | None] = Batch(lambda: user_totals(frozenset({"tasks"})), value_of_each)
"""Tasks completed over all time."""
load_ranking_by_user: Batch[Ranking | None] = Batch(lambda: USER_RANKS, row_of_each(Ranking))

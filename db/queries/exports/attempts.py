"""Attempts as they were recorded, one in a row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import literal_column, select

from db.models.attempts import attempts
from db.models.labs import labs
from db.models.levels import levels
from db.models.users import users
from db.queries.attempts import AttemptSelection, selected
from db.queries.exports.fragments import shown
from db.statement import Statement

# Ids are text: spreadsheets keep no more than 15 digits of a number.
COLUMNS = {
    "attempt_id": "CAST(attempts.id AS text)",
    "name": shown("users.display_name"),
    "external_id": "users.external_id",
    "lab": "labs.title",
    "lab_type": "labs.type",
    "level": "levels.title",
    "status": "attempts.status",
    "success": "attempts.success",
    "is_counted": "attempts.counted",
    "started_at": "attempts.started_at",
    "completed_at": "attempts.completed_at",
    "due_at": "attempts.due_at",
    "on_time": "attempts.completed_at <= attempts.due_at",
    "completion_speed_days": "CAST(extract(epoch FROM attempts.due_at - attempts.completed_at) / 86400 AS double precision)",
    "completion_time_seconds": "attempts.duration_seconds",
    "score": "attempts.score",
    "accuracy": "CAST(attempts.accuracy AS double precision)",
    "skill_match": "CAST(attempts.skill_match AS double precision)",
    "difficulty": "attempts.difficulty",
    "hints_used": "attempts.hints_used",
    "errors": "nullif(array_to_string(attempts.errors, '; '), '')",
    "memory_mib": "attempts.memory_mib",
    "cpu_percent": "attempts.cpu_percent",
    "metadata": "CAST(attempts.metadata AS text)",
    "assignment_id": "CAST(attempts.assignment_id AS text)",
    "source": "attempts.source",
    "source_id": "attempts.source_id",
    "recorded_at": "attempts.recorded_at",
    "revision": "attempts.revision",
}


def attempt_rows_statement(selection: AttemptSelection) -> Statement:
    """Newest first, as the graph lists them."""
    columns: list[Any] = [literal_column(sql).label(name) for name, sql in COLUMNS.items()]
    recorded = select(*columns).select_from(
        attempts.join(users, users.c.id == attempts.c.user_id)
        .join(labs, labs.c.id == attempts.c.lab_id)
        .outerjoin(levels, levels.c.id == labs.c.level_id)
    )
    return Statement(selected(recorded, selection).order_by(attempts.c.occurred_at.desc(), attempts.c.id.desc()))

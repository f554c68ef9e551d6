"""Attempts as they were recorded: one in a row, newest first, deleted ones left out."""

from __future__ import annotations

from db.export_parameters import AttemptsParameters
from db.queries.attempts import AttemptSelection
from db.queries.exports.attempts import attempt_rows_statement
from db.queries.exports.subjects import Subject
from workers.exports.content import Column, Kind, Report
from workers.exports.kinds import measured
from workers.exports.kinds.asking import Asking, Filters, sheet

ATTEMPTS = (
    Column("attempt_id", "Attempt", Kind.TEXT, is_minor=True),
    measured.NAME,
    measured.EXTERNAL_ID,
    Column("lab", "Lab", Kind.TEXT),
    Column("lab_type", "Lab id", Kind.TEXT, is_minor=True),
    Column("level", "Level", Kind.TEXT),
    Column("status", "Status", Kind.TEXT),
    Column("success", "Success", Kind.FLAG, is_minor=True),
    Column("is_counted", "Counted", Kind.FLAG, is_minor=True),
    Column("started_at", "Started", Kind.INSTANT, is_minor=True),
    Column("completed_at", "Completed", Kind.INSTANT),
    Column("due_at", "Due", Kind.INSTANT),
    Column("on_time", "On time", Kind.FLAG),
    Column("completion_speed_days", "Days early", Kind.DECIMAL, is_minor=True),
    Column("completion_time_seconds", "Time", Kind.SECONDS),
    Column("score", "Score", Kind.DECIMAL),
    Column("accuracy", "Accuracy", Kind.RATIO, is_minor=True),
    Column("skill_match", "Skill match", Kind.RATIO, is_minor=True),
    Column("difficulty", "Difficulty", Kind.DECIMAL, is_minor=True),
    Column("hints_used", "Hints", Kind.INTEGER),
    Column("errors", "Errors", Kind.TEXT),
    Column("memory_mib", "Memory (MiB)", Kind.DECIMAL, is_minor=True),
    Column("cpu_percent", "CPU (%)", Kind.DECIMAL, is_minor=True),
    Column("metadata", "Metadata", Kind.TEXT, is_minor=True),
    Column("assignment_id", "Assignment", Kind.TEXT, is_minor=True),
    Column("source", "Source", Kind.TEXT, is_minor=True),
    Column("source_id", "Source id", Kind.TEXT, is_minor=True),
    Column("recorded_at", "Recorded", Kind.INSTANT, is_minor=True),
    Column("revision", "Revision", Kind.INTEGER, is_minor=True),
)


async def report_of(asking: Asking, asked: AttemptsParameters) -> Report:
    """Raises NotFound."""
    selection = AttemptSelection(
        user_ids=None if asked.user_id is None else (asked.user_id,),
        group_ids=None if asked.group_id is None else (asked.group_id,),
        lab_ids=None if asked.lab_id is None else (asked.lab_id,),
        topic_ids=asked.topic_ids,
        completed_from=asking.start,
        completed_before=asking.end,
    )
    filters = await _filters(asking, asked)
    return asking.report("Attempts", filters, [sheet("Attempts", ATTEMPTS, attempt_rows_statement(selection), {})])


async def _filters(asking: Asking, asked: AttemptsParameters) -> Filters:
    subjects = {Subject.GROUP: asked.group_id, Subject.USER: asked.user_id, Subject.LAB: asked.lab_id}
    filters: Filters = {
        subject.capitalize(): await asking.name(subject, key) for subject, key in subjects.items() if key is not None
    }
    if asked.topic_ids is not None:
        filters["Topics"] = ", ".join(await asking.names(Subject.TOPIC, asked.topic_ids))
    return filters

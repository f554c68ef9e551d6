"""Loads the Open University Learning Analytics Dataset: 28,785 people, 172,003 attempts.

A presentation of a module is a group, an assessment a lab, a submission an attempt: a success with a score of 40 or more.
The data set knows days, not hours: what happened on a day happened at 12:00 UTC, and the organization is in UTC, so that
our days are the data set's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path

import psycopg

from db.queries import bulk_load
from importers.loader import ImportFailed, Loader, Progress, Row, silent
from importers.oulad_files import Assessment, Oulad, read_oulad

ORGANIZATION = "Open University"
NOON = timedelta(hours=12)
ATTEMPT_COLUMNS = "(user_key, lab_type, group_key, status, completed_at, due_at, score, source, source_id)"


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """How many rows were new, by what they are. What was there already was left as it is."""

    topics: int
    groups: int
    labs: int
    assignments: int
    users: int
    memberships: int
    attempts: int
    attempts_known: int
    """There before, from an earlier import."""
    attempts_differing: int
    """Of those known, how many say something else than the files do."""
    banked: int
    """Results carried over from an earlier presentation, which are no attempts."""


def import_oulad(
    database_url: str, directory: Path, *, organization: str = "open-university", progress: Progress = silent
) -> ImportSummary:
    """Loads the data set from ``directory`` (each table as .csv.gz or .csv) into an organization of that slug.

    Reads and checks everything before it writes anything. Running it again adds what is missing and changes nothing
    else. Raises ImportFailed, DatabaseUnavailable.
    """
    data = read_oulad(directory, lambda done, total: progress("read", done, total))
    try:
        with Loader(database_url, organization, progress) as loader:
            return _load(loader, data, progress)
    except psycopg.errors.IntegrityError as error:
        raise ImportFailed(
            f"The organization {organization} holds something that the data set collides with: {error.diag.message_primary}."
            " Import into another organization."
        ) from error
    except psycopg.OperationalError as error:
        raise ImportFailed(
            f"The connection to the database was lost: {str(error).strip()}. Run the import again, it goes on where it was."
        ) from error


def _load(loader: Loader, data: Oulad, progress: Progress) -> ImportSummary:
    progress("catalogue", 0, len(data.assessments))
    with loader.transaction():
        loader.create_organization(ORGANIZATION, "UTC")
        topics = loader.merge("staged_topics", bulk_load.MERGE_TOPICS, _topics(data))
        groups = loader.merge("staged_groups", bulk_load.MERGE_GROUPS, _groups(data))
        labs = loader.merge("staged_labs", bulk_load.MERGE_LABS, _labs(data))
        loader.merge("staged_lab_topics", bulk_load.MERGE_LAB_TOPICS, _lab_topics(data))
        assignments = loader.merge("staged_assignments", bulk_load.MERGE_ASSIGNMENTS, _assignments(data))
    progress("catalogue", len(data.assessments), len(data.assessments))

    progress("people", 0, len(data.memberships))
    with loader.transaction():
        users = loader.merge("staged_users", bulk_load.MERGE_USERS, _users(data))
        memberships = loader.merge("staged_memberships", bulk_load.MERGE_MEMBERSHIPS, _memberships(data))
    progress("people", len(data.memberships), len(data.memberships))

    loader.analyze_roster()
    with loader.transaction():
        attempts, differing = loader.merge_attempts("attempts", _attempts(data), len(data.submissions), ATTEMPT_COLUMNS)
    loader.settle()
    return ImportSummary(
        topics=topics,
        groups=groups,
        labs=labs,
        assignments=assignments,
        users=users,
        memberships=memberships,
        attempts=attempts,
        attempts_known=len(data.submissions) - attempts,
        attempts_differing=differing,
        banked=data.banked,
    )


# Every cell below was checked by oulad_files: codes, digits, kinds. None needs escaping.


def _topics(data: Oulad) -> Iterator[Row]:
    for module in dict.fromkeys(presentation.module for presentation in data.presentations):
        yield module, module


def _groups(data: Oulad) -> Iterator[Row]:
    for presentation in data.presentations:
        yield presentation.key, presentation.key, "presentation", presentation.start.isoformat()


def _labs(data: Oulad) -> Iterator[Row]:
    for assessment in data.assessments:
        title = f"{assessment.presentation.key.replace('-', ' ')} {assessment.kind} {assessment.key}"
        yield _type_of(assessment), title, "", "", ""


def _lab_topics(data: Oulad) -> Iterator[Row]:
    for assessment in data.assessments:
        yield _type_of(assessment), assessment.presentation.module


def _assignments(data: Oulad) -> Iterator[Row]:
    for assessment in data.assessments:
        presentation = assessment.presentation
        yield _type_of(assessment), presentation.key, presentation.start.isoformat(), _due_at(assessment)


def _users(data: Oulad) -> Iterator[Row]:
    for student in dict.fromkeys(membership.student for membership in data.memberships):
        yield student, student, f"Student {student}", "", "STUDENT", "", ""


def _memberships(data: Oulad) -> Iterator[Row]:
    for membership in data.memberships:
        valid_to = membership.valid_to.isoformat() if membership.valid_to else ""
        yield membership.presentation.key, membership.student, "MEMBER", membership.valid_from.isoformat(), valid_to


def _attempts(data: Oulad) -> Iterator[Row]:
    labs = {
        a.key: (_type_of(a), a.presentation.key, _due_at(a), cache(partial(_noon, a.presentation.start)))
        for a in data.assessments
    }
    for assessment, student, day, score, passed in data.submissions:
        key = assessment.key
        lab_type, group, due_at, noon_of = labs[key]
        status = "SUCCEEDED" if passed else "FAILED"
        yield student, lab_type, group, status, noon_of(day), due_at, score, "CSV", f"{key}-{student}"


def _type_of(assessment: Assessment) -> str:
    return f"{assessment.presentation.key}-{assessment.key}"


def _due_at(assessment: Assessment) -> str:
    return "" if assessment.due_day is None else _noon(assessment.presentation.start, assessment.due_day)


def _noon(start: datetime, day: int) -> str:
    return (start + timedelta(days=day) + NOON).isoformat()

"""Reads the five tables of the Open University Learning Analytics Dataset and checks that they fit together.

Kuzilek J., Hlosta M., Zdrahal Z., Open University Learning Analytics dataset, Sci. Data 4:170171 (2017),
doi:10.1038/sdata.2017.171.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from importers.csv_tables import Table, shown

PASS_SCORE = 40.0
FURTHEST_DAY = 3_650
"""Days further from the start of a presentation than this are taken for nonsense."""

_MODULE = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII).fullmatch
_PRESENTATION = re.compile(r"(?:19|20)[0-9]{2}[BJ]", re.ASCII).fullmatch
_KIND = re.compile(r"[A-Za-z]{1,20}", re.ASCII).fullmatch
_SCORE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,4})?", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Presentation:
    """A module given once; ``key`` is ``AAA-2013J``. ``start`` is midnight (UTC) of its day 0."""

    key: str
    module: str
    start: datetime


@dataclass(frozen=True, slots=True)
class Assessment:
    """``kind`` is TMA, CMA or Exam; ``due_day`` counts from the presentation's day 0, None without a deadline."""

    key: str
    presentation: Presentation
    kind: str
    due_day: int | None


@dataclass(frozen=True, slots=True)
class Membership:
    """A student in a presentation: [valid_from, valid_to), valid_to None for who never unregistered."""

    student: str
    presentation: Presentation
    valid_from: datetime
    valid_to: datetime | None


class Submission(NamedTuple):
    """What a student handed in; ``score`` as written, "" without one. A tuple, since there are very many."""

    assessment: Assessment
    student: str
    day: int
    score: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Oulad:
    """The data set, complete and consistent. ``banked`` submissions (of an earlier presentation) are left out."""

    presentations: list[Presentation]
    assessments: list[Assessment]
    memberships: list[Membership]
    submissions: list[Submission]
    banked: int


def read_oulad(directory: Path, told: Callable[[int, int], None]) -> Oulad:
    """Reads and checks everything; ``told`` hears how many of the five tables are read. Raises ImportFailed."""
    told(0, 5)
    presentations = _read_presentations(directory)
    told(1, 5)
    assessments = _read_assessments(directory, presentations)
    told(2, 5)
    members = _read_members(directory, presentations)
    told(3, 5)
    memberships = _read_registrations(directory, presentations, members)
    told(4, 5)
    submissions, banked = _read_submissions(directory, assessments, members)
    told(5, 5)
    return Oulad(list(presentations.values()), list(assessments.values()), memberships, submissions, banked)


def _read_presentations(directory: Path) -> dict[tuple[str, str], Presentation]:
    table = Table(directory, "courses", ("code_module", "code_presentation"))
    presentations: dict[tuple[str, str], Presentation] = {}
    for module, code in table.rows():
        table.checked("code_module", module, _MODULE, "a code of letters and digits")
        table.checked("code_presentation", code, _PRESENTATION, "a year and B or J, such as 2013J")
        if (module, code) in presentations:
            table.refuse("code_presentation", f"{module} {code} comes twice")
        # B starts in February, J in October.
        start = datetime(int(code[:4]), 2 if code[4] == "B" else 10, 1, tzinfo=UTC)
        presentations[module, code] = Presentation(f"{module}-{code}", module, start)
    return presentations


def _read_assessments(directory: Path, presentations: dict[tuple[str, str], Presentation]) -> dict[str, Assessment]:
    table = Table(
        directory, "assessments", ("code_module", "code_presentation", "id_assessment", "assessment_type", "date")
    )
    assessments: dict[str, Assessment] = {}
    for module, code, key, kind, date in table.rows():
        presentation = _presentation(table, presentations, module, code)
        table.key("id_assessment", key)
        if key in assessments:
            table.refuse("id_assessment", f"assessment {key} comes twice")
        table.checked("assessment_type", kind, _KIND, "a kind such as TMA")
        due_day = table.optional_integer("date", date, low=-FURTHEST_DAY, high=FURTHEST_DAY)
        assessments[key] = Assessment(key, presentation, kind, due_day)
    return assessments


def _read_members(
    directory: Path, presentations: dict[tuple[str, str], Presentation]
) -> dict[tuple[str, str], Presentation]:
    """Who is in which presentation, by the student's id and the presentation's key."""
    table = Table(directory, "studentInfo", ("code_module", "code_presentation", "id_student"))
    members: dict[tuple[str, str], Presentation] = {}
    for module, code, student in table.rows():
        presentation = _presentation(table, presentations, module, code)
        table.key("id_student", student)
        if (student, presentation.key) in members:
            table.refuse("id_student", f"student {student} comes twice in {presentation.key}")
        members[student, presentation.key] = presentation
    return members


def _read_registrations(
    directory: Path,
    presentations: dict[tuple[str, str], Presentation],
    members: dict[tuple[str, str], Presentation],
) -> list[Membership]:
    """A membership for every member: those who registered on no known day, or left before they came, included."""
    table = Table(
        directory,
        "studentRegistration",
        ("code_module", "code_presentation", "id_student", "date_registration", "date_unregistration"),
    )
    days: dict[tuple[str, str], tuple[int | None, int | None]] = {}
    for module, code, student, came, left in table.rows():
        presentation = _presentation(table, presentations, module, code)
        member = (table.key("id_student", student), presentation.key)
        if member not in members:
            table.refuse("id_student", f"student {student} of {presentation.key} is not in studentInfo")
        if member in days:
            table.refuse("id_student", f"student {student} comes twice in {presentation.key}")
        days[member] = (
            table.optional_integer("date_registration", came, low=-FURTHEST_DAY, high=FURTHEST_DAY),
            table.optional_integer("date_unregistration", left, low=-FURTHEST_DAY, high=FURTHEST_DAY),
        )
    memberships = []
    for (student, _), presentation in members.items():
        came_on, left_on = days.get((student, presentation.key), (None, None))
        first = came_on or 0
        # Whoever left on the day of coming or before it was there for that one day.
        last = None if left_on is None else max(left_on, first + 1)
        memberships.append(
            Membership(
                student,
                presentation,
                presentation.start + timedelta(days=first),
                None if last is None else presentation.start + timedelta(days=last),
            )
        )
    return memberships


def _read_submissions(
    directory: Path, assessments: dict[str, Assessment], members: dict[tuple[str, str], Presentation]
) -> tuple[list[Submission], int]:
    table = Table(
        directory, "studentAssessment", ("id_assessment", "id_student", "date_submitted", "is_banked", "score")
    )
    submissions: list[Submission] = []
    seen: set[tuple[str, str]] = set()
    days: dict[str, int] = {}
    passes = {"": False}
    banked = 0
    for key, student, submitted, is_banked, score in table.rows():
        assessment = assessments.get(key)
        if assessment is None:
            table.refuse("id_assessment", f"assessment {shown(key)} is not in assessments")
        if (student, assessment.presentation.key) not in members:
            table.refuse(
                "id_student", f"student {shown(student)} of {assessment.presentation.key} is not in studentInfo"
            )
        if (key, student) in seen:
            table.refuse("id_student", f"student {student} comes twice for assessment {key}")
        seen.add((key, student))
        # Few days and scores are different ones: each is checked once.
        if (day := days.get(submitted)) is None:
            day = days[submitted] = table.integer("date_submitted", submitted, low=-FURTHEST_DAY, high=FURTHEST_DAY)
        if (passed := passes.get(score)) is None:
            if not _SCORE(score) or float(score) > 100:
                table.refuse("score", f"{shown(score)} is not a number from 0 to 100")
            passed = passes[score] = float(score) >= PASS_SCORE
        if is_banked == "0":
            submissions.append(Submission(assessment, student, day, score, passed))
        elif is_banked == "1":
            banked += 1
        else:
            table.refuse("is_banked", f"{shown(is_banked)} is not 0 or 1")
    return submissions, banked


def _presentation(
    table: Table, presentations: dict[tuple[str, str], Presentation], module: str, code: str
) -> Presentation:
    presentation = presentations.get((module, code))
    if presentation is None:
        table.refuse("code_presentation", f"{shown(module)} {shown(code)} is not in courses")
    return presentation

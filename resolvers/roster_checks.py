"""What can be wrong with what is said of people, groups, topics, levels and labs, told before anything is written.

Each check is given the columns that were said, by name, and puts names into the form in which they are kept (NFC).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from unicodedata import normalize

from db.attempt_drafts import EARLIEST, FUTURE_ALLOWED, LATEST_DEADLINE
from db.problems import Problem, text_problem
from db.time_zones import NO_PLACE, is_place
from resolvers.periods import PeriodError, find_zone

LONGEST_KIND = 50
LONGEST_EMAIL = 320
LONGEST_REASON = 1_000
MOST_SKILLS = 50
MOST_TOPICS = 100
HIGHEST_POSITION = 1_000

# Whether an address exists only a letter to it can tell.
EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*")


def user_problems(said: dict[str, Any]) -> list[Problem]:
    problems = _names(said, "username", "display_name")
    email = said.get("email")
    if email is not None:
        problem = text_problem("email", email[:1])
        if problem or len(email) > LONGEST_EMAIL or not EMAIL.fullmatch(email) or text_problem("email", email[-200:]):
            problems.append(Problem("email", "FORMAT", "This is not an e-mail address."))
    return problems + _zone(said) + _past(said, "deactivated_at")


def group_problems(said: dict[str, Any]) -> list[Problem]:
    problems = _names(said, "name", "kind")
    if len(said.get("kind", "")) > LONGEST_KIND:
        problems.append(Problem("kind", "LENGTH", f"At most {LONGEST_KIND} characters."))
    return problems + _zone(said)


def topic_problems(said: dict[str, Any]) -> list[Problem]:
    return _names(said, "title")


def level_problems(said: dict[str, Any]) -> list[Problem]:
    return _names(said, "title")


def position_problem(name: str, position: int) -> Problem | None:
    if 0 <= position <= HIGHEST_POSITION:
        return None
    return Problem(name, "RANGE", f"A position is from 0 to {HIGHEST_POSITION:,}.")


def lab_problems(said: dict[str, Any]) -> list[Problem]:
    problems = _names(said, "title")
    difficulty = said.get("difficulty")
    # Written so that NaN is refused.
    if difficulty is not None and not 0 <= difficulty <= 10:
        problems.append(Problem("difficulty", "RANGE", "The value is from 0 to 10."))
    if "required_skills" in said:
        problems += _skills(said)
    if "topic_ids" in said and "topic_external_ids" in said:
        problems.append(Problem("topic_external_ids", "EXACTLY_ONE", "Give topicIds or topicExternalIds, not both."))
    for name in ("topic_ids", "topic_external_ids"):
        if len(said.get(name, ())) > MOST_TOPICS:
            problems.append(Problem(name, "SIZE", f"At most {MOST_TOPICS} topics."))
    if "level_id" in said and "level_position" in said:
        problems.append(Problem("level_position", "EXACTLY_ONE", "Give levelId or levelPosition, not both."))
    return problems + _past(said, "archived_at")


def deadline_problem(name: str, due_at: datetime) -> Problem | None:
    if EARLIEST <= due_at < LATEST_DEADLINE:
        return None
    return Problem(name, "TIME", "The instant lies within the years 1970 to 2199.")


def reason_problem(reason: str) -> Problem | None:
    if len(reason) > LONGEST_REASON:
        return Problem("reason", "LENGTH", f"At most {LONGEST_REASON:,} characters.")
    pieces = (reason[start : start + 200] for start in range(0, len(reason), 200))
    return next((problem for piece in pieces if (problem := text_problem("reason", piece))), None)


def _names(said: dict[str, Any], *names: str) -> list[Problem]:
    problems = []
    for name in names:
        if name in said:
            said[name] = normalize("NFC", said[name])
            problem = text_problem(name, said[name])
            if problem is None and not said[name].strip():
                problem = Problem(name, "LENGTH", "The text is blank.")
            if problem is not None:
                problems.append(problem)
    return problems


def _zone(said: dict[str, Any]) -> list[Problem]:
    if said.get("time_zone") is not None:
        try:
            find_zone(said["time_zone"])
        except PeriodError as error:
            return [Problem("time_zone", "FORMAT", str(error))]
        if not is_place(said["time_zone"]):
            return [Problem("time_zone", "FORMAT", NO_PLACE)]
    return []


def _past(said: dict[str, Any], name: str) -> list[Problem]:
    """What is said to have happened must have: rosters and boards look at whether, not at when."""
    instant = said.get(name)
    if instant is not None and not EARLIEST <= instant <= datetime.now(UTC) + FUTURE_ALLOWED:
        return [Problem(name, "TIME", "The instant lies between 1970 and now.")]
    return []


def _skills(said: dict[str, Any]) -> list[Problem]:
    skills = list(dict.fromkeys(normalize("NFC", skill) for skill in said["required_skills"]))
    said["required_skills"] = skills
    if len(skills) > MOST_SKILLS:
        return [Problem("required_skills", "SIZE", f"At most {MOST_SKILLS} skills.")]
    return [problem for skill in skills if (problem := text_problem("required_skills", skill))][:1]

"""An answer tells a few errors, and how many more there were: a list of wrong ids must not make a longer answer than good ones."""

from __future__ import annotations

from typing import Any

MOST_ERRORS = 5


def limit_errors(answer: dict[str, Any]) -> None:
    """Keeps the first errors of an answer and counts the others in ``extensions.errorsOmitted``."""
    errors = answer.get("errors", ())
    omitted = len(errors) - MOST_ERRORS
    if omitted > 0:
        answer["errors"] = errors[:MOST_ERRORS]
        answer["extensions"] = {**answer.get("extensions", {}), "errorsOmitted": omitted}

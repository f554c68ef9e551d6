"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what was looked at, what was found, and, where that is wrong, what to do."""

    check: str
    ok: bool
    found: str
    advice: str | None = None


def good(check: str, found: str) -> Finding:
    return Finding(check, True, found)


def bad(check: str, found: str, advice: str) -> Finding:
    return Finding(check, False, found, advice)

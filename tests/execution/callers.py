"""Who asks the school: every role, two organizations, and some whom it does not know."""

from __future__ import annotations

from typing import Any

Caller = dict[str, Any]

KNOWN: list[Caller] = [
    {"person": "ada", "role": "TEACHER"},
    {"person": "tom", "role": "TEACHER"},
    {"person": "ada", "role": "TEACHER", "group_ids": ("alg-2",)},
    {"person": "ben", "role": "STUDENT"},
    {"person": "cleo", "role": "STUDENT"},
    {"person": "gus", "role": "STUDENT"},
    {"person": "mia", "role": "MANAGER"},
    {"person": "root", "role": "ADMIN"},
    {"person": "sync", "role": "SERVICE"},
    {"person": "ben", "role": "STUDENT", "organization": "south"},
    {"person": "root", "role": "ADMIN", "organization": "south"},
]
# Deactivated, unknown, of an unknown organization, and nobody.
UNKNOWN: list[Caller] = [
    {"person": "fay", "role": "STUDENT"},
    {"person": "stranger", "role": "TEACHER"},
    {"person": "mia", "role": "MANAGER", "organization": "west"},
    {"person": None, "role": "STUDENT"},
]


def name_of(caller: Caller) -> str:
    return " ".join(str(value) for value in caller.values())

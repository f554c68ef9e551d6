"""Whether changes are heard, as a part of the gateway's health."""

from __future__ import annotations

from db.changes import Changes
from execution.health import GOOD, Check, Status


def check_of(changes: Changes) -> Check:
    if changes.hears or not changes.is_wanted:
        return GOOD
    return Check(Status.DEGRADED, "Changes are not heard: nothing is cached, live answers look every few seconds.")

"""What there is to work at, and with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from procrastinate import JobContext
from sqlalchemy.ext.asyncio import AsyncEngine

from settings import Settings
from workers.exports.documents import Documents


class Queue(StrEnum):
    """What a worker can be told to work at. Folding is no queue of jobs but a loop, and so is most of refreshing."""

    FOLD = "fold"
    REFRESH = "refresh"
    EXPORTS = "exports"
    NOTIFY = "notify"
    EVENTS = "events"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True)
class Means:
    """What tasks work with. ``settings.database_url`` is set."""

    settings: Settings
    engine: AsyncEngine
    documents: Callable[[], Documents] | None = None
    """Where documents are read that are to be exported; asked for only where one is, since the graph is large."""


def means_of(context: JobContext) -> Means:
    means: Means = context.additional_context["means"]
    return means

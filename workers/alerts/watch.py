"""The alerts of one worker: writes its rules down when it starts, and judges all that there are every few seconds."""

from __future__ import annotations

from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.alert_rules import AlertRule, write_down_rules
from settings import Settings
from workers.alerts.defaults import default_rules
from workers.alerts.file import AlertsFileError, read_file
from workers.alerts.judging import judge_rules

SECONDS = 15.0
SHIPPED = Path(__file__).parents[2] / "config" / "alerts.yaml"

log = structlog.get_logger(__name__)


class Watch:
    """``complaint`` is what is wrong with the file; its last good rules are judged then."""

    def __init__(self, settings: Settings) -> None:
        self.complaint: str | None = None
        self._settings = settings
        self._is_written = False

    async def look(self, engine: AsyncEngine) -> None:
        """One round."""
        if not self._is_written:
            await self._write_down(engine)
        await judge_rules(engine, self._settings)

    async def _write_down(self, engine: AsyncEngine) -> None:
        of_file = self._read()
        async with engine.begin() as connection:
            await write_down_rules(connection, default_rules(self._settings), of_file)
        self._is_written = True

    def _read(self) -> list[AlertRule] | None:
        path = alerts_file(self._settings)
        try:
            rules = read_file(path)
        except AlertsFileError as error:
            self.complaint = f"{path.name}: {error.problems[0]} The rules of before hold."
            log.error("alerts_file_not_read", file=path.name, problems=[str(problem) for problem in error.problems])
            return None
        self.complaint = None
        return rules


def alerts_file(settings: Settings) -> Path:
    """That of the settings, or the one that comes with it."""
    return settings.alerts_file or SHIPPED

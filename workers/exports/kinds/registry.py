"""Makes a report of any kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import ValidationError

from db.export_parameters import PARAMETERS, ExportKind
from db.snapshot import Snapshot
from workers.exports.content import Report
from workers.exports.kinds import attempts, group_report, lab_report, leaderboard, user_performance
from workers.exports.kinds.asking import Asking
from workers.exports.kinds.errors import InvalidParameters

_MAKERS: dict[ExportKind, Callable[[Asking, Any], Awaitable[Report]]] = {
    ExportKind.GROUP_REPORT: group_report.report_of,
    ExportKind.USER_PERFORMANCE: user_performance.report_of,
    ExportKind.LEADERBOARD: leaderboard.report_of,
    ExportKind.ATTEMPTS: attempts.report_of,
    ExportKind.LAB_REPORT: lab_report.report_of,
}


async def report_of(kind: ExportKind, parameters: Mapping[str, Any], snapshot: Snapshot) -> Report:
    """The report that the requester, who entered the snapshot, may have; its sheets are to be read from the same snapshot.

    Raises ReportRefused, UnknownCaller.
    """
    try:
        asked = PARAMETERS[kind].model_validate(parameters)
    except ValidationError as error:
        raise InvalidParameters.of(error) from error
    return await _MAKERS[kind](await Asking.of(snapshot, asked), asked)

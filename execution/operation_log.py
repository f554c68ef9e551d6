"""One event for each operation, for logs, metrics and traces alike: what it was and how it went, never what it said.

No variables, no text of a document, nobody's id: an operation is known by the name that its developers gave it, the
organization by its slug, the request by its id.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from time import perf_counter
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from db.statement_count import StatementCount
from execution.metrics import Metrics
from execution.refusals import Refusal
from execution.request_id import current_request_id
from logs import log_quickly

if TYPE_CHECKING:
    from execution.own_metrics import OwnMetrics
    from execution.tracing import OperationSpan, Tracing

NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,99}")
"""What is not so is no operation's name: nobody's address gets into the log as one."""

_logger = logging.getLogger(__name__)


class Known(NamedTuple):
    """What is known of an operation once for all requests that are the same."""

    name: str | None
    kind: str | None
    is_registered: bool
    organization: str | None


class Observation(StatementCount):
    """What is known of one operation, set by whoever learns it, while the block lasts. All of it may stay unknown."""

    name: str | None = None
    kind: str | None = None
    """query, mutation or subscription."""
    text: str | None = None
    """The document, for its hash."""
    is_registered = False
    """Whether the document is one that the operator has registered: only then does its name become a label."""
    organization: str | None = None
    """The slug, of a token that was accepted."""
    codes: Sequence[str] = ()
    """Of the errors in the answer."""
    cost: float | None = None
    cached = False
    payload_bytes: int | None = None
    """How long the answer is, as it is sent."""

    def __init__(self, log: OperationLog, span: OperationSpan | None) -> None:
        super().__init__()
        self._log = log
        self._span = span
        self._began = perf_counter()

    @property
    def known(self) -> Known:
        return Known(_shown(self.name), self.kind, self.is_registered, self.organization)

    def recall(self, known: Known) -> None:
        self.name, self.kind, self.is_registered, self.organization = known

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)
        if error is not None and not self.codes:
            self.codes = (_code_of(error),)
        self.end()

    def end(self) -> None:
        """Called by the block. What takes no statements may do without one."""
        self._log.finish(self, perf_counter() - self._began, self._span)


class OperationLog:
    """Of one application."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        slow_seconds: float,
        tracing: Tracing | None = None,
        own_metrics: OwnMetrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._own_metrics = own_metrics
        self._slow_seconds = slow_seconds
        self._tracing = tracing

    def observe(self, headers: Mapping[bytes, bytes] = MappingProxyType({})) -> Observation:
        """``with log.observe(…) as operation: …``; among the headers, by names in small letters, may be those of the W3C."""
        return Observation(self, self._tracing.operation(headers) if self._tracing else None)

    def finish(self, operation: Observation, seconds: float, span: OperationSpan | None) -> None:
        """Called when the block ends."""
        name = _shown(operation.name)
        registered = name if operation.is_registered else None
        # A subscription lasts for as long as somebody watches.
        lasts = operation.kind == "subscription"
        self._metrics.count_operation(
            registered,
            operation.codes,
            None if lasts else seconds,
            statements=None if operation.cached or lasts else operation.statements,
            cost=operation.cost,
        )
        if self._own_metrics is not None and not lasts:
            self._own_metrics.count(
                registered,
                operation.kind,
                operation.codes[0] if operation.codes else "OK",
                seconds,
                operation.payload_bytes,
            )
        is_slow = seconds > self._slow_seconds and not lasts
        level = logging.WARNING if is_slow else logging.INFO
        if _logger.isEnabledFor(level):
            fields = _fields(operation, name, seconds)
            if is_slow and operation.text is not None:
                fields["document"] = hashlib.sha256(operation.text.encode()).hexdigest()
            if span is not None:
                fields["trace_id"] = span.trace_id
            log_quickly(_logger, level, "operation", fields)
        if span is not None:
            span.end(operation.kind, name, operation.is_registered, operation.codes)


def _shown(name: str | None) -> str | None:
    return name if name is not None and NAME.fullmatch(name) else None


def _fields(operation: Observation, name: str | None, seconds: float) -> dict[str, Any]:
    """What is not known, or goes without saying, is left out."""
    codes = operation.codes
    fields: dict[str, Any] = {
        "request_id": current_request_id(),
        "kind": operation.kind,
        "status": codes[0] if codes else "OK",
        "milliseconds": round(seconds * 1000, 2),
        "statements": operation.statements,
    }
    if name is not None:
        fields["name"] = name
    if operation.organization is not None:
        fields["organization"] = operation.organization
    if operation.cost is not None:
        fields["cost"] = operation.cost
    if operation.cached:
        fields["cached"] = True
    if len(codes) > 1:
        fields["codes"] = sorted(set(codes))
    return fields


def _code_of(error: BaseException) -> str:
    match error:
        case Refusal():
            return error.code
        case asyncio.CancelledError():
            return "CANCELLED"
    return "INTERNAL"

"""What a process says about itself: one event per line on standard error, as JSON or for a reader.

Events hold ids of ours and durations, never names, addresses, tokens or passwords. What libraries say comes out in the
same form; where one would quote a URL with ids in it, it is silenced, and the last step blots out what must never be
written, whoever wrote it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

SOON_SECONDS = 0.05
MOST_LINES = 500

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FORMATS = ("json", "console")

TOO_TALKATIVE = {
    # Both name each URL that they ask for, with the ids in it.
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    # Uvicorn names path and client address of each WebSocket; the gateway has a log of its own.
    "uvicorn": logging.WARNING,
    "websockets": logging.WARNING,
    # Below a warning these show statements with their values.
    "sqlalchemy": logging.WARNING,
    "psycopg": logging.WARNING,
    "asyncio": logging.WARNING,
    "alembic": logging.WARNING,
}

SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\b[a-z][a-z0-9+]*://[^\s:/@]*):[^\s/]*@"), r"\1:***@"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "(token)"),
    # PostgreSQL quotes the row that broke a rule, SQLAlchemy the values of the statement.
    (re.compile(r"(DETAIL|CONTEXT):[^\n]*"), r"\1: (left out)"),
    (re.compile(r"\[parameters: [^\n]*"), "[parameters: (left out)"),
)


class EventHandler(logging.StreamHandler[TextIO]):
    """Where events go. ``is_json``: each as an object on a line."""

    def __init__(self, stream: TextIO, *, is_json: bool) -> None:
        super().__init__(stream)
        self.is_json = is_json
        self._lines: list[str] = []

    def write_soon(self, line: str) -> None:
        """Writes a line together with those that come soon after it, in order with all others. Needs a running loop."""
        self._lines.append(line)
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(SOON_SECONDS, self.flush)
        elif len(self._lines) >= MOST_LINES:
            self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        self._write_lines()
        super().emit(record)

    def flush(self) -> None:
        """Called by the library after each record, and when the process ends."""
        self._write_lines()
        super().flush()

    def _write_lines(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            self.acquire()
            try:
                self.stream.write("".join(lines))
            finally:
                self.release()


class LoggingError(ValueError):
    """The log cannot be as it is wanted. The message says what to set."""


def configure_logging(level: str, style: str, stream: TextIO | None = None) -> None:
    """Sets up structlog and the standard library's logging alike. Raises LoggingError for an unknown level or style."""
    level, style = level.upper(), style.lower()
    if level not in LEVELS:
        raise LoggingError(f"LOG_LEVEL must be one of {', '.join(LEVELS)}.")
    if style not in FORMATS:
        raise LoggingError(f"LOG_FORMAT must be one of {', '.join(FORMATS)}.")
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        blot_out_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = EventHandler(stream, is_json=style == "json")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(style, colors=stream.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, lowest in TOO_TALKATIVE.items():
        logging.getLogger(name).setLevel(max(lowest, root.level))


def log_quickly(logger: logging.Logger, level: int, event: str, fields: dict[str, Any]) -> None:
    """Logs what is logged with every request, at a level that is wanted: the same event as by structlog's logger of that name,
    in a tenth of the time.

    The values are written as they are, so they must hold no secret. Needs a running loop.
    """
    handlers = logging.root.handlers
    handler = handlers[0] if handlers else None
    if isinstance(handler, EventHandler) and handler.is_json:
        timestamp = datetime.now(UTC)
        line = {"event": event, **fields, "logger": logger.name, "level": _LEVEL_NAMES[level], "timestamp": timestamp}
        handler.write_soon(orjson.dumps(line, option=_LINE).decode())
    else:
        structlog.get_logger(logger.name).log(level, event, **fields)


_LINE = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
_LEVEL_NAMES = {level: name.lower() for name, level in logging.getLevelNamesMapping().items() if name in LEVELS}


def without_secrets(text: str) -> str:
    """The text without passwords in URLs, tokens, and values that database errors quote."""
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


def blot_out_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A structlog processor: `without_secrets` on every text of an event, tracebacks included."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = without_secrets(value)
    return event


def _renderer(style: str, *, colors: bool) -> Processor:
    if style == "console":
        return structlog.dev.ConsoleRenderer(colors=colors)
    return structlog.processors.JSONRenderer(serializer=_json)


def _json(event: EventDict, default: Callable[[Any], Any], **_: Any) -> str:
    return orjson.dumps(event, default=default, option=orjson.OPT_NON_STR_KEYS).decode()

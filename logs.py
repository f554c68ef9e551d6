"""What a process says about itself: one event per line on standard error, as JSON or for a reader.

Events hold ids of ours and durations, never names, addresses, tokens or passwords. What libraries say comes out in the
same form; where one would quote a URL with ids in it, it is silenced, and the last step blots out what must never be
written, whoever wrote it.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from typing import Any, TextIO

import orjson
import structlog
from structlog.types import EventDict, Processor, WrappedLogger

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
    handler = logging.StreamHandler(stream)
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

"""What the log holds, and what it never does."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from logs import LoggingError, configure_logging, without_secrets

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_ours_and_those_of_libraries_look_alike(log_stream: io.StringIO) -> None:
    structlog.get_logger("ours").info("folded", changes=3)
    logging.getLogger("theirs").warning("careful with %s", "that")
    ours, theirs = lines(log_stream)
    assert ours.pop("timestamp")
    assert theirs.pop("timestamp")
    assert ours == {"event": "folded", "changes": 3, "logger": "ours", "level": "info"}
    assert theirs == {"event": "careful with that", "logger": "theirs", "level": "warning"}


def test_an_exception_is_one_line_without_secrets(log_stream: io.StringIO) -> None:
    try:
        raise RuntimeError(f"postgresql://u:hunter2@h/x {TOKEN}\nDETAIL:  Key (email)=(ada@north.example) exists")
    except RuntimeError:
        structlog.get_logger("ours").exception("job_failed")
    (line,) = lines(log_stream)
    assert "RuntimeError" in str(line["exception"])
    for secret in ("hunter2", TOKEN, "ada@north.example"):
        assert secret not in str(line)


@pytest.mark.parametrize("name", ["httpx", "httpcore", "uvicorn.error", "websockets.server", "sqlalchemy.engine"])
def test_those_that_would_name_urls_are_silent(name: str, log_stream: io.StringIO) -> None:
    logging.getLogger(name).info("GET http://progress.example/users/ada")
    assert lines(log_stream) == []


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("redis://:hunter2@host:6379/0", "redis://:***@host:6379/0"),
        ("postgresql://ada:hun:ter2@host/db", "postgresql://ada:***@host/db"),
        ("http://host:8005/graphql", "http://host:8005/graphql"),
        (f"Bearer {TOKEN}", "Bearer (token)"),
        ("INSERT [parameters: {'email': 'a@b'}]", "INSERT [parameters: (left out)"),
    ],
)
def test_blots_out(text: str, clean: str) -> None:
    assert without_secrets(text) == clean


def test_refuses_what_it_does_not_know() -> None:
    with pytest.raises(LoggingError, match="LOG_LEVEL"):
        configure_logging("LOUD", "json")
    with pytest.raises(LoggingError, match="LOG_FORMAT"):
        configure_logging("INFO", "xml")

"""Checks of Valkey or Redis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import redis
from redis.exceptions import AuthenticationError, RedisError

from commands.doctor.finding import Finding, bad, good
from commands.doctor.postgres import clock_finding

OLDEST = 6
"""Valkey counts on from Redis 7.2, where it was forked."""


def redis_findings(redis_url: str | None) -> Iterator[Finding]:
    if redis_url is None:
        yield good("Valkey", "none: budgets and automatic documents are each gateway's own")
        return
    try:
        with redis.Redis.from_url(redis_url, socket_connect_timeout=5, socket_timeout=5) as client:
            yield _version(client.info("server"))
            seconds, microseconds = client.time()
            theirs = datetime.fromtimestamp(int(seconds) + int(microseconds) / 1e6, UTC)
            yield clock_finding("Clock of Valkey", theirs)
    except ValueError:
        yield bad(
            "Valkey", "cannot be reached", "REDIS_URL is no Redis URL: it looks like redis://:password@host:6379/0."
        )
    except AuthenticationError:
        yield bad("Valkey", "refuses us", "Correct the password in REDIS_URL.")
    except RedisError:
        yield bad(
            "Valkey", "cannot be reached", "Check REDIS_URL and whether the server runs; until then it costs speed."
        )


def _version(info: Any) -> Finding:
    name, version = ("Valkey", info["valkey_version"]) if "valkey_version" in info else ("Redis", info["redis_version"])
    if int(str(version).partition(".")[0]) >= OLDEST:
        return good("Valkey", f"{name} {version}")
    return bad("Valkey", f"{name} {version}", "Use Valkey 7.2 or Redis 6, or newer.")

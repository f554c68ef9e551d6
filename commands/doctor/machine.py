"""Checks of this machine: packages, settings, the data directory."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from importlib import metadata

from auth import ConfigurationError, TokenVerifier
from commands.doctor.finding import Finding, bad, good
from commands.secret import with_own_secret
from db.embedded import Endpoints
from settings import Settings

PACKAGES = ("scoregraph", "strawberry-graphql", "starlette", "uvicorn", "asyncpg", "psycopg", "sqlalchemy")
LITTLE_SPACE = 1024**3


def machine_findings(settings: Settings, endpoints: Endpoints | None) -> Iterator[Finding]:
    yield good("Python", platform.python_version())
    yield good("Packages", ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES))
    yield _tokens(settings)
    if settings.database_url is None:
        yield _running(settings, endpoints)
        if settings.data_dir.exists():
            yield _space(settings)


def _tokens(settings: Settings) -> Finding:
    own = settings if settings.database_url else with_own_secret(settings, make=False)
    try:
        TokenVerifier(own)
    except ConfigurationError as error:
        return bad("Tokens", "cannot be verified", str(error))
    if settings.jwt_jwks_url:
        return good("Tokens", f"keys of {settings.jwt_issuer}, {', '.join(settings.jwt_algorithms)}")
    return good("Tokens", "HS256 with " + ("JWT_SECRET" if settings.jwt_secret else "the secret of the data directory"))


def _running(settings: Settings, endpoints: Endpoints | None) -> Finding:
    if endpoints is None:
        advice = "Start `scoregraph demo` or `scoregraph serve`, or set DATABASE_URL to a server of your own."
        return bad("Embedded servers", f"not running in {settings.data_dir}", advice)
    return good("Embedded servers", ", ".join(f"{name} (pid {pid})" for name, pid in endpoints.pids.items()))


def _space(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.data_dir).free
    found = f"{free / 1024**3:.1f} GiB free in {settings.data_dir}"
    return good("Disk", found) if free >= LITTLE_SPACE else bad("Disk", found, "Make room before PostgreSQL stops.")

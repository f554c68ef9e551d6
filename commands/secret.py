"""The secret that tokens are signed with on one box: JWT_SECRET, or one made once and kept in the data directory."""

from __future__ import annotations

import secrets
from pathlib import Path

from pydantic import SecretStr

from commands.errors import USAGE, CommandError
from db.embedded.state import write_private
from settings import Settings

SECRET_BYTES = 48


def with_own_secret(settings: Settings, *, make: bool) -> Settings:
    """The settings with a way to verify tokens: as they are where they name one, else with the data directory's secret.

    ``make`` makes one where there is none. The directory must exist.
    """
    if settings.jwt_secret or settings.jwt_jwks_url:
        return settings
    path = _path(settings)
    if make and not path.exists():
        write_private(path, secrets.token_urlsafe(SECRET_BYTES))
    return _with(settings, path) if path.exists() else settings


def with_signing_secret(settings: Settings) -> Settings:
    """The settings with a secret to sign tokens with. Raises CommandError without one."""
    if settings.jwt_secret:
        return settings
    if settings.jwt_jwks_url:
        raise CommandError(
            "Tokens come from your identity provider (JWT_JWKS_URL): only that one can sign them.", exit_code=USAGE
        )
    if not _path(settings).exists():
        raise CommandError(
            "There is no secret to sign with: set JWT_SECRET to the one of the gateway, or start `scoregraph demo` first.",
            exit_code=USAGE,
        )
    return _with(settings, _path(settings))


def _path(settings: Settings) -> Path:
    return settings.data_dir / "jwt_secret"


def _with(settings: Settings, path: Path) -> Settings:
    return settings.model_copy(update={"jwt_secret": SecretStr(path.read_text().strip())})

"""Links to the file of an export that need no token: whoever has one, has what its maker may have then.

A link says on whose behalf, and until when; it is signed with the key of the export. Who fetches by it is treated as its maker is
at that instant, so that it is dead as soon as they may not have the file any more.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import orjson

from auth import Claims, Role
from db.queries.export_jobs import ExportRow
from resolvers.audit_log import resolve_fetch_trace
from resolvers.context import Context
from resolvers.errors import ClientError, Invalid
from resolvers.row_scope import Audience

LONGEST_SECONDS = 900
LONGEST_LINK = 20_000
"""Characters of one: a token names at most a few thousand groups."""


class LinkRefused(ClientError):
    code = "LINK_REFUSED"

    def __init__(self) -> None:
        super().__init__("This link is not good, or not any more.")


@dataclass(frozen=True, slots=True)
class ExportLink:
    text: str
    expires_at: datetime


async def resolve_export_link(context: Context, row: ExportRow, seconds: int) -> ExportLink:
    """Leaves a trace. Raises Invalid, Unauthenticated, DatabaseUnavailable."""
    if not 1 <= seconds <= LONGEST_SECONDS:
        raise Invalid(f"A link is good for 1 to {LONGEST_SECONDS} seconds.", "ttlSeconds")
    # It speaks for this token alone, and no answer with it is kept.
    context.narrow(Audience.TOKEN)
    expires_at = (await context.snapshot.at()).replace(microsecond=0) + timedelta(seconds=seconds)
    caller = context.caller
    said = [int(expires_at.timestamp()), caller.organization, caller.subject, caller.role, caller.group_ids]
    claims = orjson.dumps(said)
    await resolve_fetch_trace(context, "mintExportLink", row.id)
    return ExportLink(f"{_text(claims)}.{_text(_signature(row, claims))}", expires_at)


def claimed_by(link: str) -> Claims:
    """On whose behalf it says it is: no more than that is known before ``check_link``. Raises LinkRefused."""
    try:
        if len(link) > LONGEST_LINK:
            raise ValueError
        expires_at, organization, subject, role, groups = orjson.loads(_bytes(link.partition(".")[0]))
        claims = Claims(
            _name(organization),
            _name(subject),
            Role(role),
            None if groups is None else tuple(map(_name, groups)),
            datetime.fromtimestamp(expires_at, UTC),
        )
    except (ValueError, TypeError, OverflowError, OSError):
        raise LinkRefused from None
    if claims.expires_at <= datetime.now(UTC):
        raise LinkRefused
    return claims


def check_link(link: str, row: ExportRow) -> None:
    """Raises LinkRefused where it is not ours, or of another export."""
    claims, _, signature = link.partition(".")
    if not hmac.compare_digest(_text(_signature(row, _bytes(claims))).encode(), signature.encode()):
        raise LinkRefused


def _signature(row: ExportRow, claims: bytes) -> bytes:
    return hmac.digest(row.link_key, claims, sha256)


def _name(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise LinkRefused from None

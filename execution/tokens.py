"""Tokens that were verified lately: a client sends the same one with every request."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

from auth import Claims, TokenVerifier

MOST_TOKENS = 10_000
LONGEST_TRUST = 60.0
"""Seconds until a signature is verified again, so that a key that is withdrawn stops working."""


class VerifiedToken(NamedTuple):
    """What a token says, and until when (monotonic clock) it need not be looked at again."""

    claims: Claims
    until: float


class VerifiedTokens:
    """Keeps no token, only what it said and a keyed hash of it."""

    def __init__(self, verifier: TokenVerifier, *, most: int = MOST_TOKENS) -> None:
        self._verifier = verifier
        self._most = most
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, VerifiedToken] = OrderedDict()

    async def verify(self, token: str) -> VerifiedToken:
        """Raises AuthenticationError."""
        digest = blake2b(token.encode("utf-8", "surrogatepass"), digest_size=20, key=self._key).digest()
        known = self._known.get(digest)
        if known is not None and time.monotonic() < known.until:
            self._known.move_to_end(digest)
            return known
        claims = await self._verifier.verify(token)
        left = (claims.expires_at - datetime.now(UTC)).total_seconds()
        known = self._known[digest] = VerifiedToken(claims, time.monotonic() + min(left, LONGEST_TRUST))
        self._known.move_to_end(digest)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return known

"""Tokens are verified once, and again in time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from auth import AuthenticationError, Claims, Role
from execution import tokens
from execution.tokens import VerifiedTokens


class Verifier:
    """Takes anything that begins with "good"."""

    def __init__(self, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.verified: list[str] = []
        self._lifetime = lifetime

    async def verify(self, token: str) -> Claims:
        self.verified.append(token)
        if not token.startswith("good"):
            raise AuthenticationError
        return Claims("north", token, Role.STUDENT, None, datetime.now(UTC) + self._lifetime)


async def test_a_token_is_verified_once() -> None:
    verifier = Verifier()
    known = VerifiedTokens(verifier)  # type: ignore[arg-type]
    first = await known.verify("good one")
    assert await known.verify("good one") is first
    assert (await known.verify("good two")).claims.subject == "good two"
    assert verifier.verified == ["good one", "good two"]


async def test_a_bad_token_is_bad_each_time() -> None:
    verifier = Verifier()
    known = VerifiedTokens(verifier)  # type: ignore[arg-type]
    for token in ("bad", "bad", "\ud800", "good"[::-1]):
        with pytest.raises(AuthenticationError):
            await known.verify(token)
    assert len(verifier.verified) == 4


async def test_a_signature_is_looked_at_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier()
    known = VerifiedTokens(verifier)  # type: ignore[arg-type]
    now = time.monotonic()
    monkeypatch.setattr(tokens.time, "monotonic", lambda: now)
    assert (await known.verify("good")).until == pytest.approx(now + tokens.LONGEST_TRUST)
    now += tokens.LONGEST_TRUST + 1
    await known.verify("good")
    assert len(verifier.verified) == 2


async def test_a_token_is_trusted_no_longer_than_it_lives() -> None:
    verifier = Verifier(timedelta(seconds=-1))
    known = VerifiedTokens(verifier)  # type: ignore[arg-type]
    assert (await known.verify("good")).until < time.monotonic()
    await known.verify("good")
    assert len(verifier.verified) == 2


async def test_it_remembers_so_many() -> None:
    verifier = Verifier()
    known = VerifiedTokens(verifier, most=2)  # type: ignore[arg-type]
    for token in ("good 1", "good 2", "good 1", "good 3", "good 1", "good 2"):
        await known.verify(token)
    assert verifier.verified == ["good 1", "good 2", "good 3", "good 2"]

"""What a subscription answers at one asking, as bytes for all who may share it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import ExecutionResult

from execution.error_limit import limit_errors
from execution.live.noise import without_noise
from execution.live.subscription import Subscription
from resolvers.live import Live
from resolvers.row_scope import Audience


@dataclass(frozen=True, slots=True)
class Answer:
    """``payload`` is the result as JSON; where there are no data, ``errors`` end the stream.

    ``digest`` is equal for answers that tell the same; ``version`` is what the client has after this one.
    """

    payload: bytes
    digest: bytes
    errors: Sequence[Mapping[str, Any]] | None
    version: str | None
    tags: frozenset[str]
    throttle: float
    depends_on_since: bool
    audience: Audience
    is_passing: bool
    """Whether something was only unavailable, so that asking again may bring more."""
    has_more: bool
    """Whether asking again from its version brings more, although nothing changes."""

    @classmethod
    def of(cls, subscription: Subscription, result: ExecutionResult, live: Live, audience: Audience) -> Answer:
        codes = codes_of(result)
        # Without the ids of errors, which differ each time.
        errors = [[error.path, code] for error, code in zip(result.errors or (), codes, strict=True)]
        version = str(live.version) if live.version else None
        told = [without_noise(result.data, subscription.noise), errors, version]
        content = content_of(result)
        return cls(
            orjson.dumps(content),
            hashlib.blake2b(orjson.dumps(told), digest_size=16).digest(),
            content["errors"] if result.data is None else None,
            version,
            live.tags,
            live.throttle,
            live.depends_on_since,
            audience,
            "UNAVAILABLE" in codes,
            live.has_more,
        )


def content_of(result: ExecutionResult) -> dict[str, Any]:
    """A result as clients read it."""
    content: dict[str, Any] = {"data": result.data}
    if result.errors:
        content["errors"] = [error.formatted for error in result.errors]
        limit_errors(content)
    return content


def codes_of(result: ExecutionResult) -> list[str]:
    """Of its errors, in their order."""
    return [str((error.extensions or {}).get("code")) for error in result.errors or ()]

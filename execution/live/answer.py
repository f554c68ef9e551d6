"""What a subscription answers at one asking, as bytes for all who may share it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import ExecutionResult

from execution.live.noise import without_noise
from execution.live.subscription import Subscription
from resolvers.live import Live
from resolvers.row_scope import Audience


@dataclass(frozen=True, slots=True)
class Answer:
    """``payload`` is the result as JSON text; where there are no data, ``errors`` end the stream.

    ``digest`` is equal for answers that tell the same; ``version`` is what the client has after this one.
    """

    payload: str
    digest: bytes
    errors: Sequence[Mapping[str, Any]] | None
    version: str | None
    tags: frozenset[str]
    throttle: float
    depends_on_since: bool
    audience: Audience
    is_passing: bool
    """Whether something was only unavailable, so that asking again may bring more."""

    @classmethod
    def of(cls, subscription: Subscription, result: ExecutionResult, live: Live, audience: Audience) -> Answer:
        errors = [error.formatted for error in result.errors or ()]
        codes = [error.get("extensions", {}).get("code") for error in errors]
        version = str(live.version) if live.version else None
        told = [without_noise(result.data, subscription.noise), version]
        # Without the ids of errors, which differ each time.
        told.append([[error.get("path"), code] for error, code in zip(errors, codes, strict=True)])
        return cls(
            orjson.dumps({"data": result.data, "errors": errors} if errors else {"data": result.data}).decode(),
            hashlib.blake2b(orjson.dumps(told), digest_size=16).digest(),
            errors if result.data is None else None,
            version,
            live.tags,
            live.throttle,
            live.depends_on_since,
            audience,
            "UNAVAILABLE" in codes,
        )

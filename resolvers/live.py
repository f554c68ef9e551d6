"""When a subscription answers again: at once, and whenever something that concerns it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from resolvers.context import Context
from resolvers.errors import Invalid, Unauthenticated

SHORTEST_THROTTLE = 0.1
LONGEST_THROTTLE = 60.0


async def wakeups(context: Context, tags: Sequence[str], throttle: float) -> AsyncIterator[None]:
    """Yields when it is time to read: once at the start, then at most every ``throttle`` seconds after changes.

    Before each one the context is renewed, so that what is read next comes from a new snapshot and access is decided anew.
    Raises Unauthenticated when the token ends, Invalid for a throttle that cannot be.
    """
    if not SHORTEST_THROTTLE <= throttle <= LONGEST_THROTTLE:
        raise Invalid(f"A throttle is {SHORTEST_THROTTLE} to {LONGEST_THROTTLE:.0f} seconds.", "throttle")
    claims = context.claims
    if claims is None:
        raise Unauthenticated
    async with context.services.changes.listen(tags) as changes:
        while True:
            await context.renew()
            yield
            await context.renew()
            left = (claims.expires_at - datetime.now(UTC)).total_seconds()
            try:
                await asyncio.wait_for(changes.next(debounce=throttle), left)
            except TimeoutError:
                raise Unauthenticated("The token has expired.") from None

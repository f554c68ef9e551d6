"""Changes that need a permission and may come with an idempotency key: one transaction per call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.queries.idempotency import claim_key, keep_answer
from resolvers.audit_log import trace
from resolvers.context import Context
from resolvers.errors import Forbidden
from resolvers.idempotency import answer_again, idempotency_key
from resolvers.permissions import Permission, permissions_of
from resolvers.user_errors import Refused, user_error_of
from resolvers.writing import write


@dataclass(frozen=True, slots=True)
class Done:
    """``replayed``: an earlier call with the same idempotency key did it."""

    ids: list[int]
    replayed: bool


async def change(
    context: Context,
    permission: Permission,
    operation: str,
    key: str | None,
    checked_body: Callable[[], Mapping[str, Any]],
    work: Callable[[AsyncConnection, Viewer], Awaitable[list[int]]],
    **about: object,
) -> Done:
    """Runs ``work`` in a transaction that leaves a trace of it, then lets the rest of the operation see what it did.

    ``work`` gives the ids that answer the call; ``key`` is the idempotency key; ``checked_body`` gives what is said with it, by
    argument, and raises Refused where that makes no sense in itself; ``about`` is what the audit trail says of it besides. Raises
    Refused, and then nothing was written; Unauthenticated, UnknownCaller and DatabaseUnavailable.
    """

    async def permitted(connection: AsyncConnection, viewer: Viewer) -> Done:
        refuse_without(viewer, permission)
        # What makes sense can be stored: no NUL, no half of a surrogate pair.
        said = orjson.loads(orjson.dumps(checked_body()))
        claimed = idempotency_key(context, viewer, operation, key)
        kept = await claim_key(connection, claimed, said) if claimed else None
        if kept is not None:
            return Done(answer_again(kept, said), replayed=True)
        ids = await work(connection, viewer)
        if claimed is not None:
            await keep_answer(connection, claimed, ids)
        return Done(ids, replayed=False)

    return await written(context, operation, permitted, **about)


async def written(
    context: Context, operation: str, work: Callable[[AsyncConnection, Viewer], Awaitable[Done]], **about: object
) -> Done:
    """Runs ``work`` in a transaction that leaves a trace of it, then lets the rest of the operation see what it did."""

    async def traced(connection: AsyncConnection, viewer: Viewer) -> Done:
        done = await work(connection, viewer)
        if not done.replayed:
            await trace(context, connection, viewer, operation, done.ids, **about)
        return done

    done = await write(context, traced)
    # What is read from now on is read after the commit.
    await context.renew()
    return done


def refuse_without(viewer: Viewer, permission: Permission) -> None:
    """Raises Refused."""
    if permission not in permissions_of(viewer):
        raise Refused(user_error_of(Forbidden(permission)))

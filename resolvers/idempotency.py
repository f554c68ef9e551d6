"""The same key with the same body is the same call: it is answered again, not done again.

A key belongs to an organization, the subject of the token, and the operation. It is used up only by a call that wrote
something; after a refusal the same key may come with a better body. Answers are kept for 30 days.
"""

from __future__ import annotations

from typing import Any

from db.difference import first_difference
from db.entering import Viewer
from db.problems import text_problem
from db.queries.idempotency import IdempotencyKey, KeptAnswer
from resolvers.context import Context
from resolvers.user_errors import IdempotencyMismatchError, Refused, ValidationError

KEY_PATH = ("input", "idempotencyKey")


def idempotency_key(context: Context, viewer: Viewer, operation: str, key: str | None) -> IdempotencyKey | None:
    """Raises Refused for a key that cannot be one."""
    if key is None:
        return None
    if (problem := text_problem("idempotency_key", key)) is not None:
        raise Refused(ValidationError(problem.message, KEY_PATH, problem.rule))
    return IdempotencyKey(viewer.organization_id, context.caller.subject, operation, key)


def answer_again(kept: KeptAnswer, body: Any) -> Any:
    """The answer that was given, if it was to the same body. Raises Refused otherwise."""
    difference = first_difference(body, kept.body)
    if difference is not None:
        raise Refused(
            IdempotencyMismatchError("This key was used before, for another body.", KEY_PATH, ("input", *difference))
        )
    return kept.answer

"""Errors of a mutation as its payload shows them: an interface, and a type for each kind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

import strawberry

from resolvers import user_errors
from schema.permissions import Permission


@strawberry.enum(description="What kind of error it is; stable, to branch on.")
class ErrorCode(Enum):
    VALIDATION = strawberry.enum_value(
        "VALIDATION", description="The input cannot be meant; sending it again will not help."
    )
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="There is no such object, or it is not the caller's to see."
    )
    FORBIDDEN = strawberry.enum_value("FORBIDDEN", description="The caller's role lacks a permission.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="Somebody else was first: read again, then decide.")
    IDEMPOTENCY_MISMATCH = strawberry.enum_value(
        "IDEMPOTENCY_MISMATCH",
        description="The idempotency key, or the source id, was used before for another body.",
    )
    INVALID_STATE = strawberry.enum_value(
        "INVALID_STATE", description="What it concerns is in a state that does not allow it."
    )
    RATE_LIMITED = strawberry.enum_value("RATE_LIMITED", description="Too many of it in a while; try again later.")
    UNAVAILABLE = strawberry.enum_value(
        "UNAVAILABLE", description="Something that is needed does not answer; nothing was written; try again."
    )


@strawberry.interface(
    description="What was wrong with a mutation's input. Nothing was written for the input concerned."
)
class UserError:
    message: str = strawberry.field(description="For people; the text may change.")
    path: list[str] = strawberry.field(description='Where in the input, such as `["input", "attempts", "3", "score"]`.')
    code: ErrorCode = strawberry.field(description="For programs.")


@strawberry.type(description="The input cannot be meant.")
class ValidationError(UserError):
    rule: str = strawberry.field(
        description="The rule that it breaks: RANGE, LENGTH, TEXT, EXACTLY_ONE, CONSISTENCY, TIME, RETENTION, SIZE, DEPTH, DUPLICATE, "
        "REQUIRED or FORMAT."
    )


@strawberry.type(description="There is no such object, or it is another's: the answer is the same.")
class NotFoundError(UserError):
    pass


@strawberry.type(description="The caller's role lacks a permission.")
class ForbiddenError(UserError):
    permission: Permission = strawberry.field(description="The permission that is missing.")


@strawberry.type(description="Somebody else was first.")
class ConflictError(UserError):
    current_revision: int | None = strawberry.field(
        description="The revision that the object has now; null where revisions are not what conflicts."
    )


@strawberry.type(description="The idempotency key, or the source id, was used before for another body.")
class IdempotencyMismatchError(UserError):
    first_difference: list[str] = strawberry.field(
        description="Path, in the body, of the first value that differs from the earlier call."
    )


@strawberry.type(description="What it concerns is in a state that does not allow it.")
class InvalidStateError(UserError):
    state: str = strawberry.field(description="The state.")


@strawberry.type(description="Too many of it in a while. Nothing was written, and it does not count.")
class RateLimitedError(UserError):
    retry_at: datetime = strawberry.field(description="When there is room again.")


@strawberry.type(description="Something that is needed does not answer. Nothing was written; try again.")
class UnavailableError(UserError):
    pass


# What a payload refers to by the interface alone must be named to the schema.
USER_ERROR_TYPES = (
    ValidationError,
    NotFoundError,
    ForbiddenError,
    ConflictError,
    IdempotencyMismatchError,
    InvalidStateError,
    RateLimitedError,
    UnavailableError,
)


def user_error(error: user_errors.UserError) -> UserError:
    """The error as the graph shows it."""
    message, path, code = error.message, list(error.path), ErrorCode(error.code.value)
    match error:
        case user_errors.ValidationError(rule=rule):
            return ValidationError(message=message, path=path, code=code, rule=rule)
        case user_errors.NotFoundError():
            return NotFoundError(message=message, path=path, code=code)
        case user_errors.ForbiddenError(permission=permission):
            return ForbiddenError(message=message, path=path, code=code, permission=Permission(permission))
        case user_errors.ConflictError(current_revision=revision):
            return ConflictError(message=message, path=path, code=code, current_revision=revision)
        case user_errors.IdempotencyMismatchError(first_difference=difference):
            return IdempotencyMismatchError(message=message, path=path, code=code, first_difference=list(difference))
        case user_errors.InvalidStateError(state=state):
            return InvalidStateError(message=message, path=path, code=code, state=state)
        case user_errors.RateLimitedError(retry_at=retry_at):
            return RateLimitedError(message=message, path=path, code=code, retry_at=retry_at)
    return UnavailableError(message=message, path=path, code=code)


def user_errors_of(errors: Iterable[user_errors.UserError]) -> list[UserError]:
    return [user_error(error) for error in errors]

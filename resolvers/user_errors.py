"""Errors of a mutation that are part of its answer: what was wrong with the input, each at its path.

UserError
├── ValidationError           VALIDATION             an input that cannot be meant; ``rule`` names what it breaks
├── NotFoundError             NOT_FOUND              unknown, or another's: the answer is the same
├── ForbiddenError            FORBIDDEN              the role lacks a permission
├── ConflictError             CONFLICT               somebody else was first; look at ``current_revision`` and decide anew
├── IdempotencyMismatchError  IDEMPOTENCY_MISMATCH   the key or source id stands for another body
├── InvalidStateError         INVALID_STATE          what it concerns is in a state that does not allow it
├── RateLimitedError          RATE_LIMITED           too many of it in a while; ``retry_at`` says when there is room again
└── UnavailableError          UNAVAILABLE            something that is needed does not answer; try again

``Refused`` carries them through a transaction, which it rolls back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from resolvers.errors import ClientError, Forbidden, Invalid, NotFound, Unavailable

Path = tuple[str, ...]


class ErrorCode(StrEnum):
    VALIDATION = "VALIDATION"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    CONFLICT = "CONFLICT"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    INVALID_STATE = "INVALID_STATE"
    RATE_LIMITED = "RATE_LIMITED"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class UserError:
    """``path`` leads to the input concerned, such as ``("input", "attempts", "3", "score")``."""

    code: ClassVar[ErrorCode]
    message: str
    path: Path


@dataclass(frozen=True, slots=True)
class ValidationError(UserError):
    """``rule`` is a stable name: RANGE, LENGTH, TEXT, EXACTLY_ONE, CONSISTENCY, TIME, RETENTION, SIZE, DEPTH, DUPLICATE, REQUIRED, FORMAT."""

    code = ErrorCode.VALIDATION
    rule: str = "FORMAT"


@dataclass(frozen=True, slots=True)
class NotFoundError(UserError):
    code = ErrorCode.NOT_FOUND


@dataclass(frozen=True, slots=True)
class ForbiddenError(UserError):
    """``permission`` is the one that is missing."""

    code = ErrorCode.FORBIDDEN
    permission: str


@dataclass(frozen=True, slots=True)
class ConflictError(UserError):
    """``current_revision`` is that of the row as it is now; None where revisions are not what conflicts."""

    code = ErrorCode.CONFLICT
    current_revision: int | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyMismatchError(UserError):
    """``first_difference`` is the path, in the body, of the first value that differs from the first call's."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH
    first_difference: Path


@dataclass(frozen=True, slots=True)
class InvalidStateError(UserError):
    """``state`` names the state that does not allow it."""

    code = ErrorCode.INVALID_STATE
    state: str


@dataclass(frozen=True, slots=True)
class RateLimitedError(UserError):
    """It is of a moment: it is never kept with an idempotency key."""

    code = ErrorCode.RATE_LIMITED
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class UnavailableError(UserError):
    code = ErrorCode.UNAVAILABLE


class Refused(Exception):
    """Nothing is to be written, for these reasons."""

    def __init__(self, *errors: UserError) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


def user_error_of(error: ClientError, path: Sequence[str] = ("input",)) -> UserError:
    """A client error as part of an answer. ``path`` is used where the error names no argument. Raises the error itself
    where it is none of the input's, such as a missing token.
    """
    match error:
        case Invalid():
            return ValidationError(str(error), tuple(error.extensions["argument"].split(".")))
        case NotFound():
            return NotFoundError(str(error), tuple(path))
        case Forbidden():
            return ForbiddenError(str(error), tuple(path), error.extensions["permission"])
        case Unavailable():
            return UnavailableError(str(error), tuple(path))
    raise error


def errors_as_json(errors: Sequence[UserError]) -> list[dict[str, Any]]:
    """To be kept with an idempotency key."""
    return [{"code": error.code.value, **asdict(error)} for error in errors]


def errors_from_json(kept: Sequence[dict[str, Any]]) -> tuple[UserError, ...]:
    """What ``errors_as_json`` wrote."""
    errors = []
    for values in kept:
        arguments: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if name != "code"
        }
        errors.append(_BY_CODE[ErrorCode(values["code"])](**arguments))
    return tuple(errors)


_BY_CODE: dict[ErrorCode, type[UserError]] = {
    kind.code: kind
    for kind in (
        ValidationError,
        NotFoundError,
        ForbiddenError,
        ConflictError,
        IdempotencyMismatchError,
        InvalidStateError,
        UnavailableError,
    )
}

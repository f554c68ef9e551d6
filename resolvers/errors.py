"""Errors that a client may see, each with a stable code. Everything else is masked.

ClientError
├── Unauthenticated     UNAUTHENTICATED      no token, or one that is not accepted
├── Forbidden           FORBIDDEN            the role lacks a permission
├── NotFound            NOT_FOUND            unknown, or another's: the answer is the same
├── Invalid             VALIDATION           an argument that cannot be meant
└── Unavailable         UNAVAILABLE          something that is needed does not answer; try again
"""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """``extensions`` goes into the GraphQL error as it stands."""

    code: str

    def __init__(self, message: str, **extensions: Any) -> None:
        super().__init__(message)
        self.extensions: dict[str, Any] = {"code": self.code, **extensions}


class Unauthenticated(ClientError):
    code = "UNAUTHENTICATED"

    def __init__(self, message: str = "Send a token in the Authorization header: Bearer <token>.") -> None:
        super().__init__(message)


class Forbidden(ClientError):
    code = "FORBIDDEN"

    def __init__(self, permission: str) -> None:
        super().__init__(f"This needs the permission {permission}.", permission=str(permission))


class NotFound(ClientError):
    code = "NOT_FOUND"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class Invalid(ClientError):
    """``argument`` is the path of the argument concerned, such as ``filter.completedAt.gte``."""

    code = "VALIDATION"

    def __init__(self, message: str, argument: str) -> None:
        super().__init__(message, argument=argument)


class Unavailable(ClientError):
    code = "UNAVAILABLE"

    def __init__(self, message: str = "The service is not available right now. Try again.") -> None:
        super().__init__(message)

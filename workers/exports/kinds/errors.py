"""Why a report cannot be made, each with a stable code.

ReportRefused
├── InvalidParameters   VALIDATION   parameters that cannot be meant
├── NotFound            NOT_FOUND    unknown, or another's: the answer is the same
└── Forbidden           FORBIDDEN    the requester's role may not have this kind
"""

from __future__ import annotations

from pydantic import ValidationError


class ReportRefused(Exception):
    """The message is for the requester."""

    code: str


class InvalidParameters(ReportRefused):
    code = "VALIDATION"

    @classmethod
    def of(cls, error: ValidationError) -> InvalidParameters:
        """Says where each mistake is, and never what was given there."""
        mistakes = (
            f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" if mistake["loc"] else mistake["msg"]
            for mistake in error.errors(include_url=False, include_input=False, include_context=False)
        )
        return cls("; ".join(mistakes))


class NotFound(ReportRefused):
    code = "NOT_FOUND"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class Forbidden(ReportRefused):
    code = "FORBIDDEN"

    def __init__(self) -> None:
        super().__init__("Your role may not have this report.")

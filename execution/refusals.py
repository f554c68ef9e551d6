"""What ends a request before anything is executed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """A request that is not executed. HTTP answers with ``status`` and ``headers``, a socket with an ``error`` message.

    ``code`` is stable; ``extensions`` are told with it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str = "BAD_REQUEST",
        *,
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers or {})
        self.extensions: dict[str, Any] = {"code": code, **extensions}

    @property
    def formatted(self) -> dict[str, Any]:
        """As an entry of ``errors``."""
        return {"message": self.message, "extensions": self.extensions}

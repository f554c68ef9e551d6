"""One request to the endpoint, as far as it is known."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from auth import Claims
from execution.budgets import wants_report
from execution.compression import content_encoding
from execution.http_request import Headers
from execution.media_types import JSON, accepted
from execution.operation_log import Observation
from execution.tokens import VerifiedToken


class Exchange:
    """``body`` is None until it is read; ``send`` is where an event stream goes, None where none is asked for."""

    __slots__ = (
        "accepted",
        "body",
        "claims",
        "encoding",
        "headers",
        "is_get",
        "media_type",
        "receive",
        "scope",
        "seen",
        "send",
        "token",
        "wants_report",
    )

    def __init__(
        self,
        scope: Scope,
        headers: Headers,
        seen: Observation,
        receive: Receive,
        *,
        body: bytes | None = None,
        send: Send | None = None,
    ) -> None:
        self.scope = scope
        self.headers = headers
        self.seen = seen
        self.receive = receive
        self.body = body
        self.send = send
        self.accepted = accepted(headers.text(b"accept"))
        self.media_type = self.accepted.answer_type or JSON
        self.encoding = content_encoding(headers.text(b"accept-encoding"))
        self.is_get = scope["method"] == "GET"
        self.wants_report = wants_report(headers)
        self.token: VerifiedToken | None = None
        self.claims: Claims | None = None

"""What is sent for one request: a status, headers, and bytes in the type and coding that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from graphql import ExecutionResult
from starlette.types import Send

from execution.compression import compress, is_worth_it
from execution.error_limit import limit_errors
from execution.media_types import JSON
from execution.refusals import Refusal
from execution.representation import VARY, Form, Headers


class Answer:
    """Made for this request alone. ``codes`` are those of all its errors, also of those that are not told."""

    __slots__ = ("body", "codes", "headers", "status")

    def __init__(self, content: Any, status: int, headers: Headers, codes: list[str]) -> None:
        self.body = orjson.dumps(content)
        self.status = status
        self.headers = headers
        self.codes = codes

    @classmethod
    def of_result(
        cls,
        result: ExecutionResult,
        media_type: str,
        extensions: Mapping[str, Any] | None = None,
        headers: Headers = (),
    ) -> Answer:
        """Without ``data`` where nothing was run, as the specification wants it."""
        content: dict[str, Any] = {"data": result.data}
        status = 200
        codes: list[str] = []
        if result.errors:
            content["errors"] = [error.formatted for error in result.errors]
            codes = [error["extensions"]["code"] for error in content["errors"]]
            if result.data is None and not all(error.path for error in result.errors):
                del content["data"]
                status = 200 if media_type == JSON else 500 if "INTERNAL" in codes else 400
        if extensions:
            content["extensions"] = dict(extensions)
        if codes:
            limit_errors(content)
        return cls(content, status, headers, codes)

    @classmethod
    def of_refusal(cls, refusal: Refusal, media_type: str) -> Answer:
        # Some that older clients expect under 200 are no answers to newer ones.
        status = refusal.status if media_type == JSON else max(refusal.status, 400)
        return cls({"errors": [refusal.formatted]}, status, encoded(refusal.headers), [refusal.code])

    def form(self, media_type: str, encoding: str | None) -> Form:
        """As it is sent."""
        body = self.body
        headers = [
            (b"content-type", f"{media_type}; charset=utf-8".encode()),
            (b"cache-control", b"no-store"),
            (b"vary", VARY),
        ]
        if encoding is not None and is_worth_it(body):
            body = compress(body)
            headers.append((b"content-encoding", encoding.encode()))
        headers.append((b"content-length", b"%d" % len(body)))
        return Form.of(self.status, (*headers, *self.headers), body)


async def send_form(send: Send, form: Form) -> None:
    await send({"type": "http.response.start", "status": form.status, "headers": form.headers})
    await send({"type": "http.response.body", "body": form.body})


def encoded(headers: Mapping[str, str]) -> Headers:
    return tuple([(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()])

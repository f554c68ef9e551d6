"""The schema as text, for those who may ask for it in GraphQL too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from auth import AuthenticationError, TokenVerifier, bearer
from execution.introspection import Introspection
from execution.refusals import Refusal


def schema_route(
    text: str, verifier: TokenVerifier, introspection: Introspection
) -> Callable[[Request], Awaitable[Response]]:
    """A route that answers with the schema, or with an error shaped like GraphQL's."""

    async def serve(request: Request) -> Response:
        try:
            token = bearer(request.headers.get("authorization"))
            claims = await verifier.verify(token) if token is not None else None
            if not introspection.is_open_to(claims):
                raise introspection.refusal(claims)
        except AuthenticationError as error:
            return _refused(Refusal(401, str(error), error.code, headers={"WWW-Authenticate": "Bearer"}))
        except Refusal as refusal:
            return _refused(refusal)
        return PlainTextResponse(text, headers={"Vary": "Authorization"})

    return serve


def _refused(refusal: Refusal) -> Response:
    return JSONResponse({"errors": [refusal.formatted]}, refusal.status, {"Vary": "Authorization", **refusal.headers})

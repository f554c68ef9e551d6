"""GraphQL over HTTP and WebSocket: Strawberry's ASGI view, with our contexts, tokens and JSON."""

from __future__ import annotations

from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UnsetType

from auth import AuthenticationError, TokenVerifier, bearer
from execution.messages import MessageHandler
from resolvers.context import Context, Services

_NOTHING_TO_SAY = UnsetType()
NO_QUERY = 'Send {"query": "…"} by POST as application/json; a browser finds GraphiQL here.'


class GraphQLEndpoint(GraphQL[Context, None]):
    """Serves one schema. A request with a token that is not accepted is refused as a whole (401, or close code 4403)."""

    graphql_transport_ws_handler_class = MessageHandler

    def __init__(self, schema: BaseSchema, services: Services, verifier: TokenVerifier) -> None:
        super().__init__(schema, graphql_ide=None, subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,))
        self._services = services
        self._verifier = verifier

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Raises AuthenticationError for a token that is not accepted; without a token nobody is asking."""
        context = Context(self._services, None)
        token = bearer(request.headers.get("authorization"))
        if token is not None:
            context.claims = await self._verifier.verify(token)
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType:
        """Browsers cannot set headers on a WebSocket: the token comes in the payload of connection_init."""
        value = (context.connection_params or {}).get("authorization")
        if value is not None:
            token = bearer(value) if isinstance(value, str) else None
            try:
                if token is None:
                    raise AuthenticationError
                context.claims = await self._verifier.verify(token)
            except AuthenticationError as error:
                raise ConnectionRejectionError from error
        return _NOTHING_TO_SAY

    async def run(self, request: Request | WebSocket, *arguments: Any, **options: Any) -> Any:
        """A request that is none is answered like any other mistake: errors with a code, or close code 4400."""
        try:
            return await super().run(request, *arguments, **options)
        except HTTPException as error:
            if isinstance(request, WebSocket):
                await request.close(4400, error.reason)
                return request
            reason = NO_QUERY if error.status_code == 404 else error.reason
            return JSONResponse(
                {"errors": [{"message": reason, "extensions": {"code": "BAD_REQUEST"}}]}, error.status_code
            )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        except AuthenticationError as error:
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).close(4403, str(error))
            else:
                body = {"errors": [{"message": str(error), "extensions": {"code": error.code}}]}
                refusal = JSONResponse(body, 401, headers={"WWW-Authenticate": "Bearer"})
                await refusal(scope, receive, send)

    def decode_json(self, data: str | bytes) -> object:
        """Strict JSON: no NaN, no lone surrogates; an object at the top."""
        try:
            decoded: object = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise HTTPException(400, "What was sent is not valid JSON.") from error
        if not isinstance(decoded, dict):
            raise HTTPException(400, "What was sent must be a JSON object.")
        return decoded

    def encode_json(self, data: object) -> str:
        # Text, since bytes would make binary frames of WebSocket messages.
        return orjson.dumps(data).decode()

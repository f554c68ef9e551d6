"""GraphQL over HTTP and WebSocket: Strawberry's ASGI view, with our contexts, tokens and JSON."""

from __future__ import annotations

from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema import BaseSchema
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

from auth import AuthenticationError, TokenVerifier, bearer
from execution.body_limit import MAX_BYTES, limited, too_large
from execution.media_types import GRAPHQL_RESPONSE, JSON, answer_type, is_json
from execution.messages import MessageHandler
from resolvers.context import Context, Services

_NOTHING_TO_SAY = UnsetType()
CODES = {
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}
"""Of requests that are none; the rest are BAD_REQUEST."""

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
        """A request that is none is answered like any other mistake: errors with a code, or a close code with a reason."""
        try:
            return await super().run(request, *arguments, **options)
        except HTTPException as error:
            if isinstance(request, WebSocket):
                await request.close(1009 if error.status_code == 413 else 4400, error.reason)
                return request
            status, headers = error.status_code, {}
            if _is_mutation_by_get(request, error):
                status, headers = 405, {"Allow": "POST"}
            elif status == 405:
                headers = {"Allow": "GET, POST"}
            return self._refusal(request, status, error.reason, CODES.get(status, "BAD_REQUEST"), headers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        receive = limited(receive)
        try:
            await super().__call__(scope, receive, send)
        except AuthenticationError as error:
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).close(4403, str(error))
            else:
                headers = {"WWW-Authenticate": "Bearer"}
                refusal = self._refusal(Request(scope), 401, str(error), error.code, headers)
                await refusal(scope, receive, send)

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Carries the media type that was asked for to create_response. Raises HTTPException (406) for any other."""
        response = await super().get_sub_response(request)
        media_type = answer_type(request.headers.get("accept"))
        if media_type is None:
            raise HTTPException(406, f"Answers are {GRAPHQL_RESPONSE} or {JSON}.")
        response.media_type = media_type
        return response

    def should_render_graphql_ide(self, request: Any) -> bool:
        """Never: the page is a route of its own."""
        return False

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData | list[GraphQLRequestData]:
        """What is to be run. Raises HTTPException for what is none, and for a body of another type or too large."""
        if request.method == "POST":
            if not is_json(request.content_type):
                raise HTTPException(415, f"Send {JSON} in UTF-8.")
            if int(request.headers.get("content-length") or 0) > MAX_BYTES:
                raise too_large()
        data = await super().parse_http_body(request)
        assert isinstance(data, GraphQLRequestData), "batches are refused where JSON is read"
        if not data.query:
            raise HTTPException(400, NO_QUERY)
        if not isinstance(data.operation_name, str | None):
            raise HTTPException(400, "`operationName` must be a string or null, if provided.")
        # In an address nothing can be told from an empty text.
        data.operation_name = data.operation_name or None
        return data

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The answer; without ``data`` where nothing was run, as the specification wants it."""
        answer = await super().process_result(request, result)
        if result.data is None and any(error.path is None for error in result.errors or ()):
            del answer["data"]
        return answer

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        status = 200
        if sub_response.media_type == GRAPHQL_RESPONSE and "data" not in response_data:
            codes = {error["extensions"]["code"] for error in response_data["errors"]}
            status = 500 if "INTERNAL" in codes else 400
        return self._answer(response_data, sub_response.media_type or JSON, status)

    def _refusal(self, request: Request, status: int, message: str, code: str, headers: dict[str, str]) -> Response:
        media_type = answer_type(request.headers.get("accept")) or JSON
        return self._answer(
            {"errors": [{"message": message, "extensions": {"code": code}}]}, media_type, status, headers
        )

    def _answer(self, data: object, media_type: str, status: int, headers: dict[str, str] | None = None) -> Response:
        headers = {"Vary": "Accept", **(headers or {})}
        return Response(self.encode_json(data), status, headers, media_type=f"{media_type}; charset=utf-8")

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


def _is_mutation_by_get(request: Request, error: HTTPException) -> bool:
    cause = error.__cause__
    return (
        request.method == "GET"
        and isinstance(cause, InvalidOperationTypeError)
        and cause.operation_type is OperationType.MUTATION
    )

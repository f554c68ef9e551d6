"""The messages of graphql-transport-ws: checked before Strawberry's handler trusts their shape."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from resolvers.context import Context


class MessageHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """Closes the socket (4400) on what is no message; a document with a mistake only ends its own operation."""

    async def handle_message(self, message: Any) -> None:
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("What was sent is no message of graphql-transport-ws.")

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        # Strawberry would close the socket, with every other operation on it, because of one syntax error.
        if isinstance(error, GraphQLSyntaxError):
            return None
        return BaseGraphQLTransportWSHandler._get_pre_execution_close_reason(error)


def _is_message(message: dict[str, Any]) -> bool:
    match message:
        case {"type": "subscribe", "id": str(), "payload": {"query": str(), **rest}}:
            variables, name = rest.get("variables"), rest.get("operationName")
            return isinstance(variables, dict | None) and isinstance(name, str | None)
        case {"type": "subscribe"}:
            return False
        case {"type": "complete"}:
            return isinstance(message.get("id"), str)
        case {"type": str()}:
            return True
    return False

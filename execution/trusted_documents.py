"""From what a client sent to the text of its document, and whether it may run.

A document comes as text (``query``), as the id of one that is registered (``documentId``, as the appendix of GraphQL over
HTTP has it), or as the hash of one that was sent before (``extensions.persistedQuery``, as Apollo's clients do it; the id
of a registered one will do there too).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from auth import Claims, Role
from db.changes import Changes
from db.engine import DatabaseUnavailable, ReadPool
from execution.automatic_documents import AutomaticDocuments
from execution.document_ids import as_hash, checked_id, hash_of
from execution.operations import GraphQLRequest, Operations
from execution.refusals import Refusal
from execution.registered_documents import RegisteredDocuments
from settings import DocumentsMode, Settings

NO_QUERY = 'Send {"query": "…"} by POST as application/json; a browser finds GraphiQL here.'

Reader = Callable[..., object]
"""``Operations.prepare``: raises RequestErrors for what is no valid document."""


class Document(NamedTuple):
    """A document that may run. ``is_registered`` if it is known to be one of the operator's."""

    text: str
    is_registered: bool


def may_run_any(claims: Claims | None) -> bool:
    """Whether the caller may send documents that nobody has registered, whatever the mode."""
    return claims is not None and claims.role is Role.ADMIN


class TrustedDocuments:
    """Of one process."""

    def __init__(
        self, mode: DocumentsMode, registered: RegisteredDocuments, automatic: AutomaticDocuments, prepare: Reader
    ) -> None:
        self._mode = mode
        self._registered = registered
        self._automatic = automatic
        self._prepare = prepare

    @classmethod
    def from_settings(
        cls, settings: Settings, pool: ReadPool, changes: Changes, operations: Operations
    ) -> TrustedDocuments:
        return cls(
            settings.documents,
            RegisteredDocuments(pool, changes),
            AutomaticDocuments(settings.redis_url),
            operations.prepare,
        )

    async def find(self, request: GraphQLRequest, *, may_run_any: bool, hide_suggestions: bool = True) -> Document:
        """The document to run; costs nothing where a text came alone and any may run.

        Raises Refusal, and RequestErrors where a text that was sent to be kept is no valid document.
        """
        persisted = _persisted_query(request.extensions)
        is_free = may_run_any or self._mode is not DocumentsMode.TRUSTED
        is_registered = False
        try:
            if not request.query:
                return await self._named(request.document_id, persisted, is_free)
            if request.document_id or persisted or not is_free:
                is_registered = await self._check(request, persisted, is_free)
        except DatabaseUnavailable:
            raise Refusal(503, "The service is not available right now. Try again.", "UNAVAILABLE") from None
        if persisted and self._keeps(is_free):
            self._prepare(request.query, request.operation_name, hide_suggestions=hide_suggestions)
            await self._automatic.keep(hash_of(request.query), request.query)
        return Document(request.query, is_registered)

    async def aclose(self) -> None:
        await self._registered.aclose()
        await self._automatic.aclose()

    async def _named(self, document_id: str | None, persisted: str | None, is_free: bool) -> Document:
        if document_id:
            return Document(await self._registered.text_of(checked_id(document_id)) or _unknown(), True)
        if not persisted:
            raise Refusal(400, NO_QUERY)
        text = await self._registered.text_of(persisted)
        if text is not None:
            return Document(text, True)
        if not is_free:
            raise _not_trusted()
        text = await self._automatic.find(persisted) if self._keeps(is_free) else None
        return Document(text or self._not_kept(), False)

    async def _check(self, request: GraphQLRequest, persisted: str | None, is_free: bool) -> bool:
        """Whether a text is registered. Raises Refusal where it is not what it is called, or is not trusted."""
        assert request.query is not None
        id = hash_of(request.query)
        for name in filter(None, (request.document_id, persisted)):
            checked = checked_id(name)
            if checked != id and (as_hash(name) or await self._registered.id_of(checked)) != id:
                raise Refusal(
                    400, "The hash that was sent is not that of the document.", "PERSISTED_QUERY_HASH_MISMATCH"
                )
        if not is_free and await self._registered.id_of(id) is None:
            raise _not_trusted()
        return self._registered.has(id)

    def _keeps(self, is_free: bool) -> bool:
        return is_free and self._mode is not DocumentsMode.OPEN

    def _not_kept(self) -> NoReturn:
        """In the words that clients go by: they send the text next, or stop to send hashes. They expect 200."""
        if self._mode is DocumentsMode.OPEN:
            raise Refusal(200, "PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
        raise Refusal(200, "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")


def _persisted_query(extensions: dict[str, Any] | None) -> str | None:
    """The hash, or id, that Apollo's clients send. Raises Refusal for what is none."""
    match (extensions or {}).get("persistedQuery"):
        case None:
            return None
        case {"version": 1, "sha256Hash": str(name)} if name:
            return checked_id(name)
        case {"version": int(version)} if version != 1:
            raise Refusal(400, "Only version 1 of persisted queries is known here.")
    raise Refusal(400, "`extensions.persistedQuery` must be an object with version 1 and a sha256Hash.")


def _unknown() -> NoReturn:
    raise Refusal(404, "There is no registered document of this id.", "DOCUMENT_NOT_FOUND")


def _not_trusted() -> Refusal:
    return Refusal(403, "Only registered documents run here, and this is none.", "DOCUMENT_NOT_TRUSTED")

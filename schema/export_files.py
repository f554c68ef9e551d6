"""``/exports/{id}/file`` and ``/exports/{id}/manifest``: the file of an export and what it says of itself, for whoever may have
it now. Errors are shaped like GraphQL's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from auth import AuthenticationError, Claims, TokenVerifier
from db.engine import DatabaseUnavailable
from db.entering import UnknownCaller
from resolvers.audit_log import resolve_fetch_trace
from resolvers.context import Context, Services
from resolvers.errors import ClientError, NotFound, Unauthenticated, Unavailable
from resolvers.export_files import Expired, ExportFile, NotReady, RightsGone, resolve_export_file
from resolvers.export_links import LinkRefused, claimed_by
from schema import sign_in
from schema.relay import key_of

UNCACHED = {"Cache-Control": "no-store", "Vary": "Authorization"}
STATUS: dict[type[ClientError], int] = {
    Unauthenticated: 401,
    RightsGone: 403,
    LinkRefused: 403,
    NotReady: 409,
    Expired: 410,
    Unavailable: 503,
}
"""Whatever else is wrong: there is no such file (404)."""

log = structlog.get_logger(__name__)


class Storage(Protocol):
    """Where files are."""

    async def source(self, key: str) -> Path | str | None:
        """A file of this machine, or a link that is good for minutes; None where it is gone."""
        ...


class ExportFiles:
    """The route. A file of this machine is sent, in ranges if asked so; to one that is elsewhere a short-lived link leads."""

    def __init__(self, services: Services, verifier: TokenVerifier, storage: Storage) -> None:
        self._services = services
        self._verifier = verifier
        self._storage = storage

    async def serve(self, request: Request) -> Response:
        """The file; in a browser that has no token to send, a page that asks for one."""
        answer = await self._answered(self._send(request))
        return sign_in.page() if answer.status_code == 401 and sign_in.asks_for_page(request) else answer

    async def serve_manifest(self, request: Request) -> Response:
        """What is known of the file, to be kept beside it."""
        return await self._answered(self._manifest(request))

    async def _answered(self, answer: Awaitable[Response]) -> Response:
        try:
            return await answer
        except AuthenticationError as error:
            return _refused(Unauthenticated(str(error)))
        except UnknownCaller:
            # The token is good; its person is not, any more.
            return _refused(RightsGone())
        except DatabaseUnavailable:
            return _refused(Unavailable())
        except ClientError as error:
            return _refused(error)

    async def _send(self, request: Request) -> Response:
        file, source = await self._fetch(request)
        if isinstance(source, str):
            return RedirectResponse(source, 302, UNCACHED)
        return FileResponse(source, headers=UNCACHED, media_type=file.media_type, filename=file.name)

    async def _fetch(self, request: Request) -> tuple[ExportFile, Path | str]:
        """The file and where it is, once it is noted who has it."""
        async with self._asked(request) as context:
            file = await _find(request, context)
            source = await self._storage.source(file.key)
            if source is None:
                log.error("export_file_missing", key=file.key)
                raise NotFound("file")
            if isinstance(source, str):
                await resolve_fetch_trace(context, "mintExportLink", file.id)
            elif request.method != "HEAD":
                await resolve_fetch_trace(context, "downloadExport", file.id)
            return file, source

    @asynccontextmanager
    async def _asked(self, request: Request) -> AsyncIterator[Context]:
        """On whose behalf: that of the maker of a link, or of whoever has the token."""
        link = request.query_params.get("link")
        context = Context(self._services, claimed_by(link) if link else await self._claims(request))
        try:
            yield context
        finally:
            await context.aclose()

    async def _claims(self, request: Request) -> Claims:
        token = await sign_in.token_of(request)
        if token is None:
            raise Unauthenticated
        return await self._verifier.verify(token)

    async def _manifest(self, request: Request) -> Response:
        async with self._asked(request) as context:
            file = await _find(request, context)
        name = f"{file.name}.manifest.json"
        headers = {**UNCACHED, "Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"}
        content = orjson.dumps(file.manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return Response(content, headers=headers, media_type="application/json")


async def _find(request: Request, context: Context) -> ExportFile:
    key = key_of("ExportJob", request.path_params["id"], "id")
    return await resolve_export_file(context, key, request.query_params.get("link"))


def _refused(error: ClientError) -> Response:
    status = STATUS.get(type(error), 404)
    headers = {**UNCACHED, "WWW-Authenticate": "Bearer"} if status == 401 else UNCACHED
    content = {"errors": [{"message": str(error), "extensions": error.extensions}]}
    return JSONResponse(content, status, headers)

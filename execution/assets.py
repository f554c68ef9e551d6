"""The built files of the browser page. Their names change with what is in them, so a browser may keep them for good."""

from __future__ import annotations

import os
from mimetypes import guess_type

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, PathLike, StaticFiles
from starlette.types import Scope

from execution.compression import GZIP, content_encoding

KEPT_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


class Assets(StaticFiles):
    """A file that the build has compressed (``<name>.gz`` beside it) goes out so to whoever takes it."""

    def __init__(self, directory: PathLike) -> None:
        super().__init__(directory=directory, check_dir=False)

    async def check_config(self) -> None:
        """Nothing: where the page is not built there are no files."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        asked = Headers(scope=scope)
        media_type = guess_type(full_path)[0] or "application/octet-stream"
        compressed = f"{os.fspath(full_path)}.gz"
        if content_encoding(asked.get("accept-encoding")) and os.path.isfile(compressed):
            headers = {**KEPT_FOR_GOOD, "Content-Encoding": GZIP}
            response = FileResponse(compressed, status_code, headers, media_type, stat_result=os.stat(compressed))
        else:
            response = FileResponse(full_path, status_code, KEPT_FOR_GOOD, media_type, stat_result=stat_result)
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, asked) else response

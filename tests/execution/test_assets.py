"""The files of the page: kept for good, compressed for those who take it, and nothing else of the disk."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from execution.assets import Assets

SCRIPT = b"console.log('hello');\n" * 100
KEPT = "public, max-age=31536000, immutable"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "page-1a2b.js").write_bytes(SCRIPT)
    (folder / "page-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "font-3c4d.ttf").write_bytes(b"\x00\x01")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Mount("/assets", Assets(folder))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_goes_out_compressed_to_whoever_takes_it(client: httpx.AsyncClient) -> None:
    plain = await client.get("/assets/page-1a2b.js", headers={"Accept-Encoding": "identity"})
    compressed = await client.get("/assets/page-1a2b.js", headers={"Accept-Encoding": "gzip, br"})
    assert plain.content == compressed.content == SCRIPT
    assert [answer.headers.get("content-encoding") for answer in (plain, compressed)] == [None, "gzip"]
    assert int(compressed.headers["content-length"]) < len(SCRIPT) / 5
    assert plain.headers["etag"] != compressed.headers["etag"]
    for answer in (plain, compressed):
        assert answer.headers["content-type"].startswith("text/javascript")
        assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Accept-Encoding", KEPT)


async def test_a_file_that_the_build_left_alone_goes_out_as_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/font-3c4d.ttf", headers={"Accept-Encoding": "gzip"})
    assert answer.content == b"\x00\x01"
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_what_a_browser_has_is_not_sent_again(client: httpx.AsyncClient, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding}
    first = await client.get("/assets/page-1a2b.js", headers=headers)
    again = await client.get("/assets/page-1a2b.js", headers={**headers, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (again.headers["vary"], again.headers["cache-control"]) == ("Accept-Encoding", KEPT)


@pytest.mark.parametrize(
    "path",
    [
        "nothing.js",
        "",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "/etc/passwd",
        "a%00b",
        "x" * 5_000,
    ],
)
async def test_nothing_else_is_there_and_nothing_of_that_is_kept(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/assets/{path}", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 404
    assert "cache-control" not in answer.headers
    assert "secret" not in answer.text


async def test_without_a_built_page_there_is_nothing(tmp_path: Path) -> None:
    app = Starlette(routes=[Mount("/assets", Assets(tmp_path / "missing"))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/assets/page.js")).status_code == 404

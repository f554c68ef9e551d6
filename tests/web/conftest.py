"""A browser, a page in it, and a gateway that serves it."""

import json
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, ConsoleMessage, Page, Request, WebSocket, async_playwright

import web
from tests.web import stand_in

# Quiet and offline: a browser that phones home would fail the test that says nobody does.
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def serving(app: object) -> Iterator[str]:
    """`app` under uvicorn on a free loopback port, in a thread of its own; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = monotonic() + 10
        while not server.started and thread.is_alive() and monotonic() < deadline:
            sleep(0.01)
        assert server.started, "the gateway did not come up"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def gateway_url() -> Iterator[str]:
    """Where the gateway under test listens: scheme, host and port."""
    if not (web.DIST / "index.html").exists():
        pytest.skip("web/dist is not built; run scripts/build-web")
    with serving(stand_in.app()) as url:
        yield url


@pytest.fixture(scope="session")
def gateway_token() -> str:
    """A token that `gateway_url` accepts."""
    return stand_in.TOKEN


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    executable = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if executable is None:
        pytest.skip("there is no Chromium on PATH; run scripts/install-browser")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        yield browser
        await browser.close()


@dataclass
class Visit:
    """One page in a browser that has never been here, and all it has done."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    sockets: list[WebSocket] = field(default_factory=list)
    frames_sent: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.context.on("request", lambda request: self.requests.append(request))
        self.page.on("websocket", self._watch)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)

    def _watch(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framesent", lambda payload: self.frames_sent.append(json.loads(payload)))

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await self.page.locator(".graphiql-query-editor .view-line").first.wait_for()

    async def write_query(self, text: str) -> None:
        await self.page.locator(".graphiql-query-editor .monaco-editor").click()
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.insert_text(text)

    async def choose_tab(self, operation: str) -> None:
        await self.page.get_by_role("tab", name=operation).click()
        # GraphiQL reads the text it now shows 100 ms later; run sooner, it would send it under the old name.
        await self.page.locator(".graphiql-query-editor .view-lines", has_text=operation).wait_for()
        await self.page.wait_for_timeout(300)

    async def run_query(self) -> None:
        await self.page.locator("button.graphiql-execute-button").click()

    async def read_result(self, until: str) -> str:
        """The result pane's text once it contains `until`. Monaco sets text with no-break spaces."""
        lines = self.page.locator(".result-window .view-lines", has_text=until)
        return (await lines.inner_text()).replace("\xa0", " ")


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    context = await browser.new_context(viewport={"width": 1360, "height": 820})
    context.set_default_timeout(20_000)
    yield Visit(await context.new_page())
    await context.close()

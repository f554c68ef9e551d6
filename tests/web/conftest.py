"""A browser, a page in it, and a gateway that serves it."""

import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, WebSocket, async_playwright

import web
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway
from tests.school import build_school

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


@pytest.fixture(scope="session")
def gateway(new_lasting_database: Callable[[], Database], servers: Servers) -> Iterator[Gateway]:
    """The real gateway, over a small school."""
    if not (web.DIST / "index.html").exists():
        pytest.skip("web/dist is not built; run scripts/build-web")
    database = new_lasting_database()
    with database.connect() as owner:
        build_school(owner)
    with running_gateway(database, servers) as running:
        yield running


@pytest.fixture(scope="session")
def gateway_url(gateway: Gateway) -> str:
    """Where it listens: scheme, host and port."""
    return gateway.url


@pytest.fixture(scope="session")
def gateway_token(gateway: Gateway) -> str:
    """A teacher's token."""
    return gateway.token("ada", "TEACHER")


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
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

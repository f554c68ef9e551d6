"""The built page in a real browser: offline, under its security policy, against a gateway on this machine."""

from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.web.conftest import Visit

STANDING = ".bar-standing"


async def test_the_page_asks_nobody_but_its_gateway(visit: Visit, gateway_url: str) -> None:
    response = await visit.page.goto(f"{gateway_url}/graphql")
    assert response is not None
    assert "script-src" not in response.headers["content-security-policy"]
    assert "default-src 'self'" in response.headers["content-security-policy"]

    await expect(visit.page.locator(".graphiql-query-editor .view-lines")).to_contain_text("MyCard")
    await expect(visit.page.locator(STANDING)).to_contain_text("scoregraph token --role teacher")
    # The documentation pane fills from the schema, so everything the page starts by itself has run.
    await visit.page.get_by_label("Show Documentation Explorer").click()
    await expect(visit.page.locator(".graphiql-plugin")).to_contain_text("subscription")
    await visit.page.wait_for_load_state("networkidle")

    home = urlsplit(gateway_url).netloc
    abroad = [r.url for r in visit.requests if urlsplit(r.url).netloc not in ("", home)]
    workers = [worker.url for worker in visit.page.workers]
    assert abroad == []
    assert any("graphql.worker" in url for url in workers), workers
    assert all(url.startswith(f"{gateway_url}/assets/") for url in workers), workers
    assert visit.complaints == []


async def test_a_link_with_a_token_signs_in(visit: Visit, gateway_url: str, gateway_token: str) -> None:
    await visit.open(f"{gateway_url}/graphql#token={gateway_token}")

    await expect(visit.page.locator(STANDING)).to_have_text("Ada Abel · TEACHER · Northwind")
    assert visit.page.url == f"{gateway_url}/graphql"
    await visit.run_query()
    result = await visit.read_result(until="tasksCompleted")
    assert '"displayName": "Ada Abel"' in result

    posts = [r for r in visit.requests if r.method == "POST"]
    assert {(await r.all_headers()).get("authorization") for r in posts} == {f"Bearer {gateway_token}"}
    await visit.page.reload()
    await expect(visit.page.locator(STANDING)).to_have_attribute("data-standing", "known")
    assert visit.complaints == []


async def test_the_token_field(visit: Visit, gateway_url: str, gateway_token: str) -> None:
    await visit.open(f"{gateway_url}/graphql")
    field = visit.page.get_by_label("Token", exact=True)

    await field.fill("somebody-else")
    await expect(visit.page.locator(STANDING)).to_have_text("This token is not accepted")
    await field.fill(f"Bearer {gateway_token}")
    await expect(visit.page.locator(STANDING)).to_have_text("Ada Abel · TEACHER · Northwind")

    await expect(field).to_have_attribute("type", "password")
    await visit.page.get_by_role("button", name="Show", exact=True).click()
    await expect(field).to_have_attribute("type", "text")
    await expect(field).to_have_value(gateway_token)

    await field.fill("")
    await expect(visit.page.locator(STANDING)).to_have_attribute("data-standing", "none")
    assert await visit.page.evaluate("Object.keys(sessionStorage)") == []


async def test_the_schema_worker_marks_and_completes(visit: Visit, gateway_url: str) -> None:
    await visit.open(f"{gateway_url}/graphql")

    await visit.write_query("{ viewer { shoeSize } }")
    await expect(visit.page.locator(".graphiql-query-editor .squiggly-error")).to_be_visible()

    await visit.write_query("{ viewer { ")
    await visit.page.keyboard.press("Control+Space")
    await expect(visit.page.locator(".suggest-widget")).to_contain_text("organization")
    assert visit.complaints == []


async def test_a_live_query_over_the_socket(visit: Visit, gateway_url: str, gateway_token: str) -> None:
    await visit.open(f"{gateway_url}/graphql#token={gateway_token}")
    await visit.choose_tab("LiveLeaderboard")
    await visit.run_query()
    await visit.read_result(until='"sequence": ')

    (socket,) = visit.sockets
    assert socket.url == f"{gateway_url}/graphql".replace("http", "ws")
    sent = visit.frames_sent
    assert sent[0] == {"type": "connection_init", "payload": {"authorization": f"Bearer {gateway_token}"}}
    assert [frame["type"] for frame in sent[:2]] == ["connection_init", "subscribe"]

    # Another token is another caller: nothing goes on under the old name.
    async with socket.expect_event("close"):
        await visit.page.get_by_label("Token", exact=True).fill("somebody-else")
    # The browser itself logs that the other token was answered with 401.
    assert [complaint for complaint in visit.complaints if "401" not in complaint] == []


async def test_a_live_query_with_a_refused_token_says_so(visit: Visit, gateway_url: str) -> None:
    await visit.open(f"{gateway_url}/graphql#token=somebody-else")
    await visit.choose_tab("LiveLeaderboard")
    await visit.run_query()
    await visit.read_result(until="does not accept this token")
    assert len(visit.sockets) == 1, "asking again would not help"


@pytest.mark.parametrize(("system", "chosen"), [("light", None), ("dark", None), ("light", "dark"), ("dark", "light")])
async def test_the_bar_has_the_theme_of_graphiql(
    visit: Visit, gateway_url: str, system: Literal["light", "dark"], chosen: str | None
) -> None:
    await visit.page.emulate_media(color_scheme=system)
    if chosen:
        await visit.page.add_init_script(f"localStorage.setItem('graphiql:theme', '{chosen}')")
    await visit.open(f"{gateway_url}/graphql")

    ground = "element => getComputedStyle(element).backgroundColor"
    page = await visit.page.locator("body").evaluate(ground)
    assert page == await visit.page.locator(".graphiql-container").evaluate(ground)
    assert page == {"light": "rgb(255, 255, 255)", "dark": "rgb(33, 42, 59)"}[chosen or system]

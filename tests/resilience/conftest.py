"""Servers that may be killed, a gateway on them, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.gateway import Gateway, running_gateway
from tests.resilience.asking import Clients
from tests.resilience.own_servers import OwnServers


@pytest.fixture(scope="package")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServers]:
    servers = OwnServers(tmp_path_factory.mktemp("own"))
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


@pytest.fixture(scope="package")
def gateway(own: OwnServers) -> Iterator[Gateway]:
    """It lives through everything that happens to its servers."""
    with running_gateway(own.database, own.servers, db_pool_size=4, statement_timeout=1) as running:
        yield running


@pytest.fixture
async def clients(gateway: Gateway) -> AsyncIterator[Clients]:
    clients = Clients(gateway)
    await clients.until_healthy()
    yield clients
    await clients.http.aclose()

"""A school to follow: one for each module, as it was before each test."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from commands import web_server
from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.execution.live.ear import Listening
from tests.school import new_school

AS_IT_WAS = """
DELETE FROM attempts WHERE completed_at > now() - interval '1 day';
UPDATE users SET deactivated_at = NULL WHERE external_id IN ('mia', 'root') AND deactivated_at IS NOT NULL;
UPDATE group_memberships SET valid_to = NULL WHERE valid_to IS NOT NULL;
"""


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps little of what clients of gateways that are started from here on do not take."""

    def listen_with_small_buffers(*place: Any) -> socket.socket:
        listening = web_server.listen(*place)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        return listening

    monkeypatch.setattr("tests.gateway.listen", listen_with_small_buffers)


@pytest.fixture(scope="module")
async def school(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Asker]:
    asker = Asker(new_school(new_database, is_folded=True), servers)
    yield asker
    await asker.aclose()


@pytest.fixture
async def listen(school: Asker) -> AsyncIterator[Listening]:
    with school.database.connect() as owner:
        owner.execute(AS_IT_WAS)
    await school.services.changes.catch_up()
    listening = Listening(school)
    yield listening
    listening.close()

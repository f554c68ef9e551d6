"""Live answers as the clients that people use read them: npm graphql-ws and graphql-sse, against the real gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database, Servers
from tests.gateway import running_gateway
from tests.http_audits.node import find_node
from tests.school import build_school

CLIENTS = Path(__file__).parent / "clients"
GUS = {"user": {"externalId": "gus"}}


def told(client: str, new_database: Callable[[], Database], servers: Servers) -> dict[str, Any]:
    node = find_node()
    node.install(CLIENTS)
    database = new_database()
    with database.connect() as owner:
        build_school(owner)
    with running_gateway(database, servers, live_init_timeout=0.5, live_heartbeat=0.2) as gateway:
        url = gateway.ws_url if client == "graphql_ws" else f"{gateway.url}/graphql"
        tokens = gateway.token("root", "ADMIN"), gateway.token("mia", "MANAGER", lifetime=timedelta(seconds=2))
        found: dict[str, Any] = json.loads(node.run(CLIENTS / f"{client}.mjs", url, *tokens))
    return found


@pytest.mark.parametrize("client", ["graphql_ws", "graphql_sse"])
def test_what_a_client_is_told(client: str, new_database: Callable[[], Database], servers: Servers) -> None:
    found = told(client, new_database, servers)
    is_socket = client == "graphql_ws"

    assert found["who"] == {"said": [{"data": {"viewer": {"user": {"externalId": "root"}}}}], "complete": True}
    assert found["before"]["ben"] == 3
    assert found["after"] == {**found["before"], "gus": 1}
    assert found["recorded"]["said"][0]["data"]["recordAttempt"] == {
        "attempt": {"status": "SUCCEEDED"},
        "userErrors": [],
    }
    assert found["ended"]
    assert (found["returning"]["isSnapshot"], found["returning"]["isNew"]) == (False, True)
    assert {"kind": "UPDATED", "entry": {"value": 2, **GUS}} in [
        {**change, "kind": "UPDATED"} for change in found["returning"]["changes"]
    ]

    assert codes(found["bad"]) == ["GRAPHQL_PARSE_FAILED"]
    assert codes(found["invalid"]) == ["VALIDATION"]
    assert codes(found["anonymous"]) == ["UNAUTHENTICATED"]
    *_, last = found["expired"]["said"]
    assert [error["extensions"]["code"] for error in last["errors"]] == ["UNAUTHENTICATED"]
    assert (len(found["expired"]["said"]) > 1, found["expired"]["complete"]) == (True, True)
    if is_socket:
        assert found["pong"]
        assert found["connected"] == 1, "nothing of this has ended the socket"
        assert found["sameId"] == {"code": 4409, "reason": "Subscriber for same already exists"}
        assert found["nonsense"]["code"] == 4403
        assert found["silent"] == {"code": 4408, "reason": "Connection initialisation timeout"}
    else:
        assert found["nonsense"] == {"status": 401}


def codes(found: dict[str, Any]) -> list[str]:
    """Of an operation that has ended with errors: as the message of a socket, or as the last event of a stream."""
    if "error" in found:
        errors: list[str] = found["error"]
        return errors
    [result] = found["said"]
    assert found["complete"]
    return [error["extensions"]["code"] for error in result["errors"]]

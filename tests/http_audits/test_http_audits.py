"""GraphQL over HTTP as its authors audit it: npm graphql-http, against the real gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Database, Servers
from tests.gateway import running_gateway
from tests.http_audits.node import find_node

HERE = Path(__file__).parent
AUDITS = 61


def test_every_audit_passes(new_database: Callable[[], Database], servers: Servers) -> None:
    node = find_node()
    node.install(HERE)
    with running_gateway(new_database(), servers, introspection="open") as gateway:
        results = json.loads(node.run(HERE / "audit.mjs", f"{gateway.url}/graphql"))
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS

"""PostGraphile 5 as a server to measure against."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.peers.node import find_node
from bench.processes import MANAGER, POOL_SIZE, Server, free_port, running

HERE = Path(__file__).parent


@contextmanager
def postgraphile(database_url: str) -> Iterator[Server]:
    """Serves the views of ``views.sql``, which are made anew; asked as the manager that the gateway is asked as.

    ``database_url`` is that of a superuser of a seeded database.
    """
    node = find_node()
    node.install(HERE)
    viewer = make_views(database_url)
    port, token = free_port(), secrets.token_urlsafe()
    environment = {
        "NODE_ENV": "production",
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "POOL_SIZE": str(POOL_SIZE),
        "VIEWERS": json.dumps({token: viewer}),
    }
    url = f"http://127.0.0.1:{port}/graphql"
    with running("PostGraphile", (node.node, "server.mjs"), environment, url, token, HERE) as process:
        yield Server("PostGraphile", url, token, process, database_url)


def make_views(database_url: str) -> object:
    """Makes them; gives what row security is told of the manager."""
    subject, role = MANAGER
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute((HERE / "views.sql").read_text())
        [viewer] = connection.execute("SELECT to_json(v) FROM find_viewer('bench', %s, %s, NULL) AS v", (subject, role))
    found: object = viewer[0]
    return found

"""What the demo says when it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from rich.console import Console
from rich.table import Table

from auth import Role
from commands.demo.data import People
from db.embedded import ADMIN, Endpoints
from settings import DatabaseRole

QUERIES = {
    Role.STUDENT: "{ viewer { user { displayName performance { score } } } }",
    Role.TEACHER: "{ users(first: 5) { nodes { displayName performance { score } } } }",
    Role.MANAGER: "{ leaderboard { rankedPeople top(first: 3) { rank displayName value } } }",
    Role.ADMIN: "{ organization { stats { totalUsers totalAttempts successRate } } }",
    Role.SERVICE: "{ attempts(first: 3) { nodes { recordedAt success user { displayName } lab { title } } } }",
}


@dataclass(frozen=True)
class Welcome:
    """A demo that answers at ``url``, with a token, a link and a question for each role."""

    url: str
    people: People
    tokens: Mapping[Role, str]
    endpoints: Endpoints
    pids: Mapping[str, int]

    def as_json(self) -> str:
        """One line for programs. It holds tokens and passwords: of servers on this machine only."""
        return orjson.dumps(
            {
                "url": self.url,
                "graphql": f"{self.url}/graphql",
                "schema": f"{self.url}/schema.graphql",
                "health": f"{self.url}/health",
                "tokens": self.tokens,
                "people": {
                    role: {"organization": organization, "external_id": external_id}
                    for role, (organization, external_id) in self.people.items()
                },
                "database_url": self.endpoints.database_urls[ADMIN],
                "database_urls": {role.name.lower(): self.endpoints.database_urls[role] for role in DatabaseRole},
                "redis_url": self.endpoints.redis_url,
                "pids": self.pids,
            },
            option=orjson.OPT_NON_STR_KEYS,
        ).decode()

    def print(self, console: Console) -> None:
        """For a reader: a link, a line that sets TOKEN in a shell, and a question that uses it. Each can be selected whole."""
        addresses = Table.grid(padding=(0, 2))
        addresses.add_row("GraphiQL", f"[link]{self.url}/graphql[/link]")
        addresses.add_row("Schema", f"[link]{self.url}/schema.graphql[/link]")
        addresses.add_row("Health", f"[link]{self.url}/health[/link]")
        console.print("\n[bold green]Scoregraph is ready.[/]", addresses)
        for role, (organization, external_id) in self.people.items():
            console.print(f"\n[bold]{role}[/]  {external_id} of {organization}", highlight=False)
            console.out(f"{self.url}/graphql#token={self.tokens[role]}", style="cyan", highlight=False)
            console.out(f"TOKEN={self.tokens[role]}", highlight=False)
            console.out(self._curl(role), style="dim", highlight=False)
        console.print("\nTokens live a week; make more with [bold]scoregraph token[/]. Ctrl-C stops everything.\n")

    def _curl(self, role: Role) -> str:
        body = orjson.dumps({"query": QUERIES[role]}).decode()
        return (
            f"curl -s {self.url}/graphql -H 'content-type: application/json' "
            f"-H \"authorization: Bearer $TOKEN\" -d '{body}'"
        )

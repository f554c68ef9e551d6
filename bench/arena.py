"""The servers of one run, each started when it is first needed and all ended with the run."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from types import TracebackType

from bench.databases import Databases
from bench.peers.postgraphile import postgraphile
from bench.processes import Server, gateway
from commands.errors import CommandError

CACHE_MB = 64


class Arena:
    """One server of each kind. Those that are not asked just wait."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._stack = ExitStack()

    def __enter__(self) -> Arena:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def ours(self) -> Server:
        """On the large database, without a response cache."""
        return self._stack.enter_context(gateway(self._databases.large, self._databases.redis_url))

    @cached_property
    def caching(self) -> Server:
        """On the large database, with a response cache."""
        return self._stack.enter_context(gateway(self._databases.large, self._databases.redis_url, cache_mb=CACHE_MB))

    @cached_property
    def small(self) -> Server:
        """On the small database, without a response cache."""
        return self._stack.enter_context(gateway(self.own_databases[1], self._databases.redis_url))

    @cached_property
    def theirs(self) -> Server:
        """PostGraphile on the large database."""
        return self._stack.enter_context(postgraphile(self._databases.large))

    @property
    def own_databases(self) -> tuple[str, str]:
        """The large and the small one, which may be changed. Raises CommandError where the large one is somebody else's."""
        if self._databases.small is None:
            raise CommandError("This changes data: seed with `scoregraph bench seed`, and leave out --database-url.")
        return self._databases.large, self._databases.small

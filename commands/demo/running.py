"""Worker, gateway and live attempts of a running demo, and the end of them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from commands.errors import CommandError
from commands.gateway import gateway
from commands.memory import spare_what_stays
from commands.signals import on_stop_signal
from commands.web_server import url_of
from db.embedded import ADMIN, Endpoints
from db.embedded.state import open_log
from importers.trickle import trickle
from settings import Settings

WORKER_STOP_SECONDS = 10.0
WATCH_SECONDS = 0.5


async def run_demo(
    settings: Settings,
    listening: socket.socket,
    endpoints: Endpoints,
    service_token: Callable[[], str] | None,
    announce: Callable[[Mapping[str, int]], None],
) -> None:
    """Runs the demo until Ctrl-C or SIGTERM.

    With ``service_token``, asked each time, live attempts trickle in. ``announce`` gets the pids once everything answers.
    Raises CommandError when a part ends by itself.
    """
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    worker_log = settings.data_dir / "worker.log"
    worker = await _start_worker(settings, worker_log, url_of(listening))
    server = gateway(settings)
    spare_what_stays()
    serving = asyncio.create_task(server.serve([listening]))
    ends: list[asyncio.Task[object]] = [
        serving,
        asyncio.create_task(_worker_ended(worker, worker_log)),
        asyncio.create_task(_server_ended(endpoints.pids)),
        asyncio.create_task(stop.wait()),
    ]
    trickling: asyncio.Task[None] | None = None
    try:
        await asyncio.wait([asyncio.create_task(server.ready.wait()), *ends], return_when=asyncio.FIRST_COMPLETED)
        if server.ready.is_set():
            announce({"demo": os.getpid(), "worker": worker.pid, **endpoints.pids})
            if service_token:
                url = f"{url_of(listening)}/graphql"
                trickling = asyncio.create_task(trickle(url, service_token, endpoints.database_urls[ADMIN], stop=stop))
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        stop.set()
        server.should_exit = True
        for task in [*ends[1:], *filter(None, [trickling])]:
            task.cancel()
            with suppress(asyncio.CancelledError, CommandError):
                await task
        await serving
        await _stop_worker(worker)


async def _start_worker(settings: Settings, log: Path, url: str) -> asyncio.subprocess.Process:
    """The worker as a process of its own. It ends when its standard input does: with us, even if we are killed. ``url`` is where
    the gateway is found, unless the environment knows better: links in messages lead there.
    """
    foreign = ("DATABASE_URL", "POSTGRES_URL", "REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name.upper() not in foreign}
    with open_log(log, "w") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).parents[2] / "cli.py"),
            *("worker", "--until-eof"),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={"SCOREGRAPH_PUBLIC_URL": url, **environment, "SCOREGRAPH_DATA_DIR": str(settings.data_dir)},
            # Ctrl-C in the terminal is for us; we stop it in order.
            start_new_session=True,
        )


async def _stop_worker(worker: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        worker.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(WORKER_STOP_SECONDS):
            await worker.wait()
    except TimeoutError:
        worker.kill()
        await worker.wait()


async def _worker_ended(worker: asyncio.subprocess.Process, log: Path) -> None:
    status = await worker.wait()
    raise CommandError(f"The worker ended by itself (exit status {status}), so the demo stops: its log is {log}.")


async def _server_ended(pids: Mapping[str, int]) -> None:
    while True:
        for name, pid in pids.items():
            if not _is_alive(pid):
                raise CommandError(
                    f"{name.capitalize()} ended by itself, so the demo stops: start it again to recover."
                )
        await asyncio.sleep(WATCH_SECONDS)


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

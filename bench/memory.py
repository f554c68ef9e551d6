"""Memory of an idle gateway and worker, as the demo starts them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil


def idle_mib() -> dict[str, float]:
    """Resident memory in MiB of the gateway and the worker, 10 s after the demo said that it is ready."""
    with TemporaryDirectory(prefix="scoregraph-bench-") as folder:
        scoregraph = Path(sys.executable).with_name("scoregraph")
        demo = subprocess.Popen(
            [scoregraph, "demo", "--json", "--no-trickle", "--port", "8907", "--data-dir", f"{folder}/data"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert demo.stdout is not None
        ready = json.loads(demo.stdout.readline())
        time.sleep(10)
        memory = {
            name: psutil.Process(ready["pids"][key]).memory_info().rss / 2**20
            for name, key in (("gateway", "demo"), ("worker", "worker"))
        }
        demo.send_signal(signal.SIGINT)
        demo.wait(30)
    return {**memory, "together": sum(memory.values())}

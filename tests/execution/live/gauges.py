"""What the gateway says of itself to whoever counts."""

from __future__ import annotations

import asyncio

import httpx

from tests.execution.live.talk import PATIENCE
from tests.gateway import Gateway


async def figure(gateway: Gateway, name: str) -> float:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as http:
        lines = (await http.get("/metrics/prometheus")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


async def it_becomes(gateway: Gateway, **figures: float) -> None:
    """Waits until the figures are these."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if figures == {name: await figure(gateway, name) for name in figures}:
                return
            await asyncio.sleep(0.01)

"""What happens beside the requests: one asyncio process as the role scoregraph_worker, as many of them as wanted.

``main`` runs it; ``loop`` repeats a job through outages; ``fold``, ``refresh`` and ``maintenance`` are the jobs.
"""

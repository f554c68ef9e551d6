"""Jobs on a real queue: run once, recovered from lost workers, put back when a worker stops, and told without secrets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import structlog
from procrastinate import App, Blueprint, JobContext
from procrastinate.periodic import PeriodicDeferrer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.jobs import RUNNABLE, JobKind, recover_stalled_jobs
from settings import Settings
from tests.conftest import Database
from tests.workers.asking import execute, value
from workers import queue
from workers.failures import JobFailed
from workers.means import Means, Queue, means_of
from workers.queue import job_app, open_app, run_jobs
from workers.schedule import SCHEDULE

STATUS = "SELECT status FROM jobs.runs WHERE task = 'test:{}' ORDER BY id DESC LIMIT 1"
SHUTDOWN = "DO $$ BEGIN RAISE EXCEPTION 'it stops' USING ERRCODE = 'admin_shutdown'; END $$"
SILENT = "UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"

subject = Blueprint()


@subject.task(name="note", pass_context=True, queue=Queue.MAINTENANCE)
async def note(context: JobContext, word: str) -> None:
    async with means_of(context).engine.begin() as connection:
        await connection.execute(text("INSERT INTO organizations (slug, name) VALUES (:slug, 'x')"), {"slug": word})


@subject.task(name="last", queue=Queue.MAINTENANCE)
async def last(seconds: float) -> None:
    await asyncio.sleep(seconds)


@subject.task(name="fail", queue=Queue.MAINTENANCE)
async def fail(how: str) -> None:
    raise {"declared": JobFailed("The storage is full."), "unexpected": ValueError(f"secret {how}")}[how]


@subject.task(name="ask", pass_context=True, queue=Queue.MAINTENANCE)
async def ask(context: JobContext, statement: str) -> None:
    async with means_of(context).engine.begin() as connection:
        await connection.execute(text(statement))


@pytest.fixture(autouse=True)
def with_test_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(queue.SUBJECTS, "test", subject)
    monkeypatch.setattr(queue, "SCHEDULE", {})


@asynccontextmanager
async def worker(
    school: Database, engine: AsyncEngine, ended: list[tuple[str, str]] | None = None, *queues: Queue
) -> AsyncIterator[asyncio.Event]:
    """A worker at the queues, until the end of the block."""
    stop = asyncio.Event()
    means = Means(Settings(database_url=school.url), engine)

    def told(task: str, status: str, seconds: float) -> None:
        if ended is not None:
            ended.append((task, status))

    running = asyncio.create_task(run_jobs(means, queues or [Queue.MAINTENANCE], stop, told))
    try:
        yield stop
    finally:
        stop.set()
        await running


async def until(condition: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it is another process, or the database, that is waited for
            await asyncio.sleep(0.05)


@pytest.fixture
async def tasks(school: Database) -> AsyncIterator[App]:
    async with open_app(school.url) as app:
        yield app


def status_of(school: Database, task: str) -> object:
    return value(school, STATUS.format(task))


def error_of(school: Database, task: str) -> object:
    return value(school, STATUS.format(task).replace("status", "error"))


async def test_every_job_is_run_once_by_several_workers(school: Database, engine: AsyncEngine, tasks: App) -> None:
    for number in range(40):
        await tasks.tasks["test:note"].defer_async(word=f"word-{number}")
    ended: list[tuple[str, str]] = []
    async with worker(school, engine, ended), worker(school, engine, ended), worker(school, engine, ended):
        await until(lambda: len(ended) == 40)
    # A second run of one would break a rule of the table.
    assert set(ended) == {("test:note", "SUCCEEDED")}
    assert value(school, "SELECT count(*) FROM organizations WHERE slug LIKE 'word-%%'") == 40
    assert value(school, "SELECT max(tries) FROM jobs.runs") == 1


async def test_works_at_no_other_queue(school: Database, engine: AsyncEngine, tasks: App) -> None:
    await tasks.tasks["test:note"].configure(queue="exports").defer_async(word="other")
    await tasks.tasks["test:note"].defer_async(word="own")
    async with worker(school, engine):
        await until(lambda: value(school, "SELECT count(*) FROM organizations WHERE slug = 'own'"))
    assert value(school, "SELECT status FROM jobs.runs WHERE queue = 'exports'") == "QUEUED"


async def test_what_is_due_is_asked_for_once(school: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "SCHEDULE", {"maintenance:clean_up": "* * * * *", "maintenance:unpark": "* * * * *"})

    async def defer() -> None:
        async with open_app(school.url) as app:
            deferrer = PeriodicDeferrer(app.periodic_registry)
            await deferrer.defer_jobs(deferrer.get_previous_tasks(at=1_750_000_030))

    await asyncio.gather(*(defer() for _ in range(5)))
    assert value(school, "SELECT array_agg(task ORDER BY task) FROM jobs.runs") == [
        "maintenance:clean_up",
        "maintenance:unpark",
    ]


async def test_what_waits_still_when_it_is_due_again_holds_up_nobody(
    school: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its queue may have no worker, or all of them something long to do."""
    monkeypatch.setattr(queue, "SCHEDULE", {"maintenance:unpark": "* * * * *"})
    async with open_app(school.url) as app:
        for at in (1_750_000_030, 1_750_000_090):
            deferrer = PeriodicDeferrer(app.periodic_registry)
            await deferrer.defer_jobs(deferrer.get_previous_tasks(at=at))
    assert value(school, "SELECT count(*) FROM jobs.runs") == 1


async def test_what_waits_already_is_not_asked_for_again(school: Database, engine: AsyncEngine) -> None:
    ask_for = text("SELECT jobs.ask_once('maintenance', 'maintenance:unpark', '{}', 'maintenance:unpark')")

    async def once() -> int:
        async with engine.begin() as connection:
            return int((await connection.execute(ask_for)).scalar_one())

    asked = await asyncio.gather(*(once() for _ in range(5)))
    assert len(set(asked)) == 1
    assert value(school, "SELECT count(*) FROM jobs.runs") == 1


async def test_a_worker_that_stops_finishes_what_is_at_hand(school: Database, engine: AsyncEngine, tasks: App) -> None:
    await tasks.tasks["test:last"].defer_async(seconds=1)
    async with worker(school, engine):
        await until(lambda: status_of(school, "last") == "RUNNING")
    assert status_of(school, "last") == "SUCCEEDED"


async def test_a_job_that_outlasts_the_grace_is_put_back(
    school: Database, engine: AsyncEngine, tasks: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "GRACE_SECONDS", 0.2)
    await tasks.tasks["test:last"].defer_async(seconds=60)
    ended: list[tuple[str, str]] = []
    async with worker(school, engine, ended):
        await until(lambda: status_of(school, "last") == "RUNNING")
    assert ended == [("test:last", "INTERRUPTED")]
    assert status_of(school, "last") == "QUEUED"
    execute(school, "UPDATE jobs.procrastinate_jobs SET args = '{\"seconds\": 0}'")
    async with worker(school, engine, ended):
        await until(lambda: status_of(school, "last") == "SUCCEEDED")
    assert value(school, "SELECT tries FROM jobs.runs") == 2


async def test_a_job_that_is_cancelled_while_it_runs_stays_so(
    school: Database, engine: AsyncEngine, tasks: App
) -> None:
    id = await tasks.tasks["test:last"].configure().defer_async(seconds=60)
    ended: list[tuple[str, str]] = []
    async with worker(school, engine, ended):
        await until(lambda: status_of(school, "last") == "RUNNING")
        await tasks.job_manager.cancel_job_by_id_async(id, abort=True)
        await until(lambda: status_of(school, "last") == "CANCELLED")
    assert ended == [("test:last", "CANCELLED")]


@pytest.mark.parametrize(
    ("task", "values", "error"),
    [
        ("fail", {"how": "declared"}, "The storage is full."),
        ("fail", {"how": "unexpected"}, "It ended with ValueError; the worker's log says more."),
        ("ask", {"statement": "SELECT secret FROM organizations"}, 'column "secret" does not exist'),
        (
            "ask",
            {"statement": "SELECT CAST(slug AS int) FROM organizations"},
            "It ended with DataError; the worker's log says more.",
        ),
        ("ask", {"statement": SHUTDOWN}, "The database did not answer."),
    ],
)
async def test_says_why_a_job_failed_without_secrets(
    school: Database, engine: AsyncEngine, tasks: App, task: str, values: dict[str, str], error: str
) -> None:
    await tasks.tasks[f"test:{task}"].defer_async(**values)
    with structlog.testing.capture_logs() as logs:
        async with worker(school, engine):
            await until(lambda: status_of(school, task) == "FAILED")
    assert error_of(school, task) == error
    [failed] = [event for event in logs if event["event"] == "job_failed"]
    assert failed["reason"] == error
    assert not {"args", "task_kwargs", "job_call_string"} & set(failed)


# Workers that are lost


async def lose(school: Database, tasks: App) -> None:
    """A worker takes the oldest job and is never heard of again."""
    worker_id = await tasks.job_manager.register_worker()
    assert await tasks.job_manager.fetch_job(["maintenance"], worker_id) is not None
    execute(school, SILENT)


async def recovered(engine: AsyncEngine, most_tries: int = 5) -> list[bool]:
    async with engine.begin() as connection:
        return [is_retried for _, _, is_retried in await recover_stalled_jobs(connection, 30, most_tries)]


async def test_a_job_of_a_lost_worker_is_run_by_another(school: Database, engine: AsyncEngine, tasks: App) -> None:
    await tasks.tasks["test:note"].defer_async(word="twice")
    await lose(school, tasks)
    shares = await asyncio.gather(*(recovered(engine) for _ in range(4)))
    assert sorted(map(len, shares)) == [0, 0, 0, 1], "whoever comes first"
    assert error_of(school, "note") == "The worker was lost."
    async with worker(school, engine):
        await until(lambda: status_of(school, "note") == "SUCCEEDED")
    assert error_of(school, "note") is None


async def test_a_worker_that_is_heard_of_keeps_its_job(school: Database, engine: AsyncEngine, tasks: App) -> None:
    await tasks.tasks["test:last"].defer_async(seconds=2)
    async with worker(school, engine):
        await until(lambda: status_of(school, "last") == "RUNNING")
        assert await recovered(engine) == []


async def test_a_job_that_costs_every_worker_fails(school: Database, engine: AsyncEngine, tasks: App) -> None:
    await tasks.tasks["test:note"].defer_async(word="deadly")
    for is_retried in (True, True, False):
        await lose(school, tasks)
        assert await recovered(engine, most_tries=3) == [is_retried]
    assert status_of(school, "note") == "FAILED"
    assert error_of(school, "note") == "The worker was lost at every try."


async def test_a_lost_job_gives_way_to_one_that_waits(school: Database, engine: AsyncEngine, tasks: App) -> None:
    once = tasks.tasks["test:note"].configure(queueing_lock="once")
    await once.defer_async(word="first")
    await lose(school, tasks)
    await once.defer_async(word="second")
    assert await recovered(engine) == [False]
    assert value(school, "SELECT array_agg(status ORDER BY id) FROM jobs.runs") == ["FAILED", "QUEUED"]


# What is said in two places


def test_kinds_tasks_and_schedule_name_the_same(school: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(queue.SUBJECTS, "test")
    monkeypatch.setattr(queue, "SCHEDULE", SCHEDULE)
    app = job_app()
    tasks = {task.name: task for task in app.tasks.values() if not task.name.startswith("builtin:")}
    with school.connect(None) as connection:
        rows = connection.execute("SELECT task, kind, queue, is_runnable FROM jobs.kinds").fetchall()
    assert {row[0] for row in rows} == set(tasks)
    assert {row[1] for row in rows} == set(JobKind) - {JobKind.OTHER}
    assert {row[1] for row in rows if row[3]} == RUNNABLE
    for name, _, queue_name, is_runnable in rows:
        assert tasks[str(name)].queue == queue_name
        assert not is_runnable or tasks[str(name)].queueing_lock == name, "it waits once, whoever asks"
    assert {key[0] for key in app.periodic_registry.periodic_tasks} == set(SCHEDULE) <= set(tasks)

"""Which materialized views are due, and refreshing them, as the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# What a view is made from, its mark, changes with every committed write to the tables that its definition reads. The
# counts of written rows cost nothing to read. They come up to seconds late, so that a refresh may come a tick late or
# once too often; a crash sets them back, hence the start of the server. Memberships also begin and end by the calendar.
MARKS = """
SELECT v.name,
  concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), pg_sequence_last_value('fold_version'),
    string_agg(format('%s:%s', s.relid,
      pg_stat_get_tuples_inserted(s.relid) + pg_stat_get_tuples_updated(s.relid) + pg_stat_get_tuples_deleted(s.relid)
    ), ' ' ORDER BY s.relid)) AS mark,
  bool_or(s.relid = CAST('group_memberships' AS regclass)) AS follows_calendar
FROM view_refreshes v
JOIN pg_rewrite r ON r.ev_class = to_regclass('internal.' || quote_ident(v.name))
CROSS JOIN LATERAL (
  SELECT DISTINCT d.refobjid AS relid FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p')
  WHERE d.objid = r.oid AND d.classid = CAST('pg_rewrite' AS regclass) AND d.refclassid = CAST('pg_class' AS regclass)
) AS s
GROUP BY v.name
"""
DUE = text(f"""
WITH marks AS ({MARKS})
SELECT v.name, m.mark
FROM view_refreshes v JOIN marks m USING (name)
WHERE (v.refreshed_at IS NULL OR v.refreshed_at <= now() - make_interval(secs => :after_seconds))
  AND (v.failed_at IS NULL OR v.failed_at <= now() - make_interval(secs => :after_seconds))
  AND (v.refreshed_at IS NULL OR v.failed_at IS NOT NULL OR v.source_mark IS DISTINCT FROM m.mark
    OR (m.follows_calendar AND EXISTS (
      SELECT FROM group_memberships g
      WHERE (g.valid_from > v.refreshed_at AND g.valid_from <= now()) OR (g.valid_to > v.refreshed_at AND g.valid_to <= now()))))
ORDER BY v.name
""")
NAMED = text(f"SELECT m.name, m.mark FROM ({MARKS}) AS m WHERE m.name = ANY (:names) ORDER BY m.name")
NAMES = text("SELECT name FROM view_refreshes ORDER BY name")
REFRESH = text("SELECT refresh_view(:name)")
NOTE_MARK = text("UPDATE view_refreshes SET source_mark = :mark WHERE name = :name")
NOTE_UNCHANGED = text("""
UPDATE view_refreshes SET checked_at = now()
WHERE name <> ALL (:due) AND refreshed_at IS NOT NULL AND failed_at IS NULL
""")
NOTE_FAILURE = text("UPDATE view_refreshes SET last_error = :error, failed_at = clock_timestamp() WHERE name = :name")


@dataclass(frozen=True, slots=True)
class DueRow:
    """A view to refresh, and the mark of its sources from before the refresh."""

    name: str
    mark: str


async def list_view_names(connection: AsyncConnection) -> list[str]:
    return list((await connection.execute(NAMES)).scalars())


async def list_due_views(connection: AsyncConnection, after_seconds: float) -> list[DueRow]:
    """Views last refreshed (or tried) ``after_seconds`` ago or more, whose sources may have changed since."""
    return [DueRow(*row) for row in await connection.execute(DUE, {"after_seconds": after_seconds})]


async def note_unchanged(connection: AsyncConnection, due: Sequence[DueRow]) -> None:
    """Notes that all views but those due are as a refresh now would make them."""
    await connection.execute(NOTE_UNCHANGED, {"due": [view.name for view in due]})


async def list_named_views(connection: AsyncConnection, names: Sequence[str]) -> list[DueRow]:
    return [DueRow(*row) for row in await connection.execute(NAMED, {"names": list(names)})]


async def refresh_view(connection: AsyncConnection, view: DueRow) -> bool:
    """Refreshes one view; False where another worker is at it."""
    refreshed = bool((await connection.execute(REFRESH, {"name": view.name})).scalar_one())
    if refreshed:
        await connection.execute(NOTE_MARK, {"name": view.name, "mark": view.mark})
    return refreshed


async def note_failure(connection: AsyncConnection, name: str, error: str) -> None:
    """Keeps why a refresh failed; a refresh that succeeds takes it away."""
    await connection.execute(NOTE_FAILURE, {"name": name, "error": error})

"""Who of several callers is still known here."""

from __future__ import annotations

from collections.abc import Collection

from db.engine import LOST, DatabaseUnavailable, ReadPool
from db.statement import sql

KNOWN_SUBJECTS = sql("""
SELECT s.subject, v.user_id
FROM unnest(CAST(:subjects AS text[])) AS s (subject) CROSS JOIN LATERAL find_viewer(:organization, s.subject, :role, NULL) AS v
""")


async def get_known_subjects(
    pool: ReadPool, organization: str, role: str, subjects: Collection[str]
) -> dict[str, int | None]:
    """Those of the subjects who, in that role, are known and not deactivated at this instant, with the person that each is.

    Raises DatabaseUnavailable, and asyncpg.QueryCanceledError at the statement timeout.
    """
    values = {"organization": organization, "role": role, "subjects": list(subjects)}
    try:
        async with pool.connection() as connection:
            rows = await connection.fetch(KNOWN_SUBJECTS.sql, *KNOWN_SUBJECTS.arguments(values))
    except LOST as error:
        raise DatabaseUnavailable("The database connection was lost.") from error
    return {row["subject"]: row["user_id"] for row in rows}

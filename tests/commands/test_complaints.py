"""What commands say of mistakes in the database."""

from __future__ import annotations

import psycopg
import pytest

from commands.complaints import complaint_of
from tests.conftest import Database


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT nothing_does_it()", "function nothing_does_it() does not exist"),
        ("CREATE TABLE nowhere.here ()", 'schema "nowhere" does not exist'),
    ],
)
def test_what_is_missing_is_named(database: Database, statement: str, missing: str) -> None:
    with database.connect() as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute(statement)
    complaint = complaint_of(raised.value)
    assert complaint is not None
    # Not every table that is missing is that of a database that was never migrated.
    assert missing in complaint.sentence
    assert "if it is not at the newest version" in complaint.sentence

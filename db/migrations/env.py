"""Alembic's entry: runs on the connection that ``db.migrate`` hands over, as the owner of all objects."""

from alembic import context
from sqlalchemy import Connection

from db.models import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()

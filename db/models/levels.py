"""Levels: where a lab stands on the way from the basics up."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from db.models.base import metadata

levels = Table(
    "levels",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("position", Integer),
    Column("title", Text),
)

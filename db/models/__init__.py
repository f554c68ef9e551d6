"""The tables and views as SQLAlchemy Core sees them, a file per subject. Migrations make them; a test compares the two."""

from db.models.base import metadata

__all__ = ["metadata"]

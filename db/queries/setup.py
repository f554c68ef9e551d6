"""The first rows of an installation, as the worker: there is nobody yet who could ask the graph for them."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

ADD_ORGANIZATION = text("""
INSERT INTO organizations (slug, name, time_zone) VALUES (:slug, :name, :time_zone)
ON CONFLICT (slug) DO NOTHING RETURNING id
""")
ADD_PERSON = text("""
INSERT INTO users (organization_id, external_id, username, display_name, role)
SELECT id, :external_id, :external_id, :display_name, :role FROM organizations WHERE slug = :organization
ON CONFLICT DO NOTHING
""")


async def add_organization(connection: AsyncConnection, slug: str, name: str, time_zone: str) -> bool:
    """Adds an organization; False where the slug is taken."""
    values = {"slug": slug, "name": name, "time_zone": time_zone}
    return (await connection.execute(ADD_ORGANIZATION, values)).one_or_none() is not None


async def add_person(
    connection: AsyncConnection, organization: str, external_id: str, display_name: str, role: str
) -> None:
    """Adds a person whose username is their external id; does nothing where they are there already."""
    await connection.execute(
        ADD_PERSON,
        {
            "organization": organization,
            "external_id": external_id,
            "display_name": display_name,
            "role": role,
        },
    )

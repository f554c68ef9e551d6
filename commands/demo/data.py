"""What the demo shows: a year of synthetic data, or an organization without any; and who is who in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from auth import Role, mint
from commands.database import engine_of
from commands.demo.filling import fill_in_child
from db.queries.setup import add_organization, add_person
from importers.demo_data import demo_people
from settings import Settings
from workers.fold import fold_pending
from workers.refresh import refresh_due

EMPTY = "empty"
EMPTY_PEOPLE = {
    Role.STUDENT: "Stella Student",
    Role.TEACHER: "Theo Teacher",
    Role.MANAGER: "Mara Manager",
    Role.ADMIN: "Adam Admin",
}
TOKEN_LIFETIME = timedelta(days=7)

People = Mapping[Role, tuple[str, str]]
"""Organization and external id of somebody with each role."""


async def empty_organization(settings: Settings) -> People:
    """An organization with one person per role and nothing else, made if there is none. Worker's settings."""
    async with engine_of(settings) as engine, engine.begin() as connection:
        await add_organization(connection, EMPTY, "Empty school", "UTC")
        for role, name in EMPTY_PEOPLE.items():
            await add_person(connection, EMPTY, role.lower(), name, role)
    return {role: (EMPTY, role.lower()) for role in Role}


def filled_organizations(owner_url: str, progress: Callable[[str, int, int], None]) -> People:
    """The synthetic organizations, filled if they are not there yet. Raises CommandError."""
    people = demo_people(owner_url)
    if not people:
        fill_in_child(owner_url, progress)
        people = demo_people(owner_url)
    return {role: people[role] for role in Role}


async def bring_up_to_date(settings: Settings) -> None:
    """Folds and refreshes what is due, so that the first page shows ranks. Worker's settings."""
    async with engine_of(settings) as engine:
        await fold_pending(engine)
        await refresh_due(engine, settings.refresh_seconds)


def token_for(settings: Settings, people: People, role: Role) -> str:
    """A token for somebody with the role, good for a week."""
    organization, subject = people[role]
    return mint(settings, organization=organization, subject=subject, role=role, lifetime=TOKEN_LIFETIME)

"""People in teams, in tables of their own: whatever is found by a key in a row, on a real database."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, NamedTuple, Self, cast

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.info import Info

from db.batch import Batch, page_of_each, row_of_each, value_of_each
from db.engine import ReadPool
from db.entering import Caller
from db.parts import Query as BatchQuery
from db.rows import chosen
from db.snapshot import Snapshot
from db.statement import sql
from execution.columns import (
    Columns,
    Formula,
    by_key,
    column,
    foresee,
    items,
    needs,
    reference,
    related,
    row_in,
    row_reference,
    wanted,
)
from resolvers.context import Context, Services
from resolvers.errors import Invalid, NotFound
from schema.scalars import SCALARS, BigInt

# 1 ← 2 ← 3, and 4, whose boss there is not; who is boss of themselves is the one at the top.
TABLES = """
CREATE TABLE people (id bigint, name text, boss_id bigint, amount numeric, times bigint);
CREATE TABLE places (id bigint, person_id bigint, team_id bigint);
CREATE TABLE teams (id bigint, title text, lead_id bigint);
INSERT INTO people VALUES (1, 'Ada', 1, 7.50, 3), (2, 'Ben', 1, NULL, 0), (3, 'Cleo', 2, 0, 9223372036854775807), (4, 'Dan', 99, 1, 0);
INSERT INTO places VALUES (11, 1, 1), (12, 1, 2), (13, 2, 1), (14, 2, 2), (15, 2, 3), (16, 3, 1);
INSERT INTO teams VALUES (1, 'Red', 1), (2, 'Blue', 2), (3, 'Green', 99);
GRANT SELECT ON people, places, teams TO scoregraph_api
"""


class PersonRow(NamedTuple):
    id: int
    name: str
    boss_id: int
    amount: Decimal | None
    times: int


class PlaceRow(NamedTuple):
    id: int
    person_id: int
    team_id: int


class TeamRow(NamedTuple):
    id: int
    title: str
    lead_id: int


def by_id(table: str, kind: Any) -> Any:
    def query(names: frozenset[str] | None = None) -> BatchQuery:
        columns = chosen(kind._fields, None if names is None else names | {"id"})
        statement = sql(f"SELECT {', '.join(columns)} FROM {table} WHERE id = ANY (:ids)")
        return BatchQuery(statement, "ids", columns, is_unique=True)

    return query


def places_of(names: frozenset[str] | None, most: int) -> BatchQuery:
    columns = ("person_id", *chosen(PlaceRow._fields, names))
    statement = sql(
        f"""SELECT {", ".join(f"p.{name}" for name in columns)}
        FROM unnest(CAST(:ids AS bigint[])) AS u (id)
        CROSS JOIN LATERAL (SELECT * FROM places WHERE person_id = u.id ORDER BY id LIMIT :most) AS p"""
    )
    return BatchQuery(statement, "ids", columns, values={"most": most})


def people_under(names: frozenset[str] | None) -> BatchQuery:
    columns = chosen(PersonRow._fields, names)
    under = ("boss_id AS under", *columns)
    statement = sql(f"SELECT {', '.join(under)} FROM people WHERE boss_id = ANY (:ids) ORDER BY boss_id, id")
    return BatchQuery(statement, "ids", ("under", *columns))


load_person = Batch(by_id("people", PersonRow), row_of_each(PersonRow))
load_team = Batch(by_id("teams", TeamRow), row_of_each(TeamRow))
load_places = Batch(places_of, page_of_each(PlaceRow))
load_people_under = Batch(people_under, page_of_each(PersonRow))
load_name = Batch(lambda: by_id("people", PersonRow)(frozenset({"name"})), value_of_each)
load_broken = Batch(
    lambda: BatchQuery(sql("SELECT id, id / (id - 2) FROM people WHERE id = ANY (:ids)"), "ids", ("id", "value")),
    value_of_each,
)
load_slowly = Batch(
    lambda: BatchQuery(
        sql("SELECT id, CAST(pg_sleep(20) AS text) FROM people WHERE id = ANY (:ids)"), "ids", ("id", "value")
    ),
    value_of_each,
)


class Teams(Context):
    """In a snapshot of its own, as whoever sees everything."""

    def __init__(self, pool: ReadPool, *given: list[Any]) -> None:
        """``given`` are the columns of ``values``."""
        super().__init__(cast(Services, None), None)
        self.given = given
        self._snapshot = Snapshot(pool, Caller("north", "root", "ADMIN"))


def share_of(amount: Decimal | None, times: int) -> float | None:
    return None if amount is None or times == 0 else float(amount) / float(times)


@strawberry.type
class Home:
    row: strawberry.Private[Any]
    street: str = column("street", description="")
    number: int | None = column(lambda number: number, description="")


@strawberry.type
class Value:
    """Given by column, without any database."""

    row: strawberry.Private[Any]
    big: BigInt | None = column("big", description="")
    sure: BigInt = column("sure", description="")
    share: float | None = column(
        Formula(("amount", "times"), share_of, "None if {0} is None or {1} == 0 else float({0}) / float({1})"),
        description="",
    )
    again: float | None = column(Formula(("amount", "times"), share_of, "function({0}, {1})"), description="")
    home: Home = row_in("home", lambda: Home, description="")


@strawberry.type
class Team:
    row: strawberry.Private[Any]
    id: int = column("id", description="")
    title: str = column("title", description="")
    lead: Annotated[Person, strawberry.lazy("tests.execution.team_schema")] | None = row_reference(
        load_person, "lead_id", lambda: Person, description="", or_null=True
    )
    told_lead: Annotated[Person, strawberry.lazy("tests.execution.team_schema")] | None = row_reference(
        load_person, "lead_id", lambda: Person, description=""
    )

    @classmethod
    def of_found(cls, row: Any) -> Self:
        return cls(row=row)


@strawberry.type
class Place:
    row: strawberry.Private[Any]
    id: int = column("id", description="")
    person: Annotated[Person, strawberry.lazy("tests.execution.team_schema")] | None = row_reference(
        load_person, "person_id", lambda: Person, description=""
    )
    team: Team | None = row_reference(load_team, "team_id", lambda: Team, description="")


@strawberry.type
class Edge:
    place: strawberry.Private[Any]

    @strawberry.field(metadata=items())
    def node(self) -> Place:
        return Place(row=self.place)


@strawberry.type
class Page:
    places: strawberry.Private[list[Any]]
    most: strawberry.Private[int]

    @strawberry.field(metadata=items())
    def nodes(self) -> list[Place]:
        return [Place(row=row) for row in self.places[: self.most]]

    @strawberry.field(metadata=items(are_rows=False))
    def edges(self) -> list[Edge]:
        return [Edge(place=row) for row in self.places[: self.most]]

    @strawberry.field(metadata=needs())
    def has_more(self) -> bool:
        return len(self.places) > self.most


@strawberry.type
class Person:
    row: strawberry.Private[Any]
    id: int = column("id", description="")
    name: str = column("name", description="")
    times: BigInt = column("times", description="")
    boss: Annotated[Person, strawberry.lazy("tests.execution.team_schema")] | None = row_reference(
        load_person, "boss_id", lambda: Person, description="", or_null=True
    )
    told_boss: Annotated[Person, strawberry.lazy("tests.execution.team_schema")] | None = row_reference(
        load_person, "boss_id", lambda: Person, description=""
    )
    sure_boss: Annotated[Person, strawberry.lazy("tests.execution.team_schema")] = row_reference(
        load_person, "boss_id", lambda: Person, description=""
    )
    loaded_name: str | None = reference(load_name, "id", lambda name: name, description="")
    broken: int | None = reference(load_broken, "id", lambda value: value, description="")
    slow: str | None = reference(load_slowly, "id", lambda value: value, description="")

    @classmethod
    def of_found(cls, row: Any) -> Self:
        if row is None:
            raise NotFound("person")
        return cls(row=row)

    @related("id", description="")
    async def places(self, info: Info[Any, Any], first: int = 2) -> Page:
        return by_key(
            load_places,
            None,
            first + 1,
            make=lambda rows, key: Page(places=[row for row, _ in rows], most=first),
            each=lambda row: Place(row=row),
            most=first,
        )

    @related("id", description="")
    async def under(self, info: Info[Any, Any]) -> list[Person]:
        return by_key(
            load_people_under,
            wanted(info),
            make=lambda rows, key: [Person(row=row) for row, _ in rows],
            each=Person.of_found,
        )

    @related("id", description="")
    async def refused(self, info: Info[Any, Any], first: int) -> list[Person] | None:
        """Says so when it is prepared."""
        if first > 2:
            raise Invalid("At most 2.", "first")
        return by_key(load_people_under, None, make=lambda rows, key: [Person(row=row) for row, _ in rows])


@strawberry.type
class Query:
    @strawberry.field
    async def person(self, info: Info[Any, Any], id: int) -> Person | None:
        await foresee(info, load_person)
        return Person.of_found(await info.context.load(load_person, id))

    @strawberry.field
    async def refused(self, info: Info[Any, Any], id: int, after_load: bool = False) -> Person | None:
        await foresee(info, load_person)
        if after_load:
            await info.context.load(load_person, id)
        raise Invalid("Never.", "id")

    @strawberry.field
    async def people(self, info: Info[Any, Any], ids: list[int]) -> list[Person]:
        rows = await info.context.load_many(load_person, ids, wanted(info))
        return [Person(row=row) for row in rows]

    @strawberry.field
    async def known(self, info: Info[Any, Any], ids: list[int], known: list[int]) -> list[Person]:
        """The people, of whom some are known by another name."""
        info.context.know(load_name, {key: f"known {key}" for key in known})
        return [Person(row=row) for row in await info.context.load_many(load_person, ids)]

    @strawberry.field
    def values(self, info: Info[Any, Any]) -> list[Value]:
        names = ("big", "sure", "amount", "times", "home")
        return cast(list[Value], Columns(lambda row: Value(row=row), names, info.context.given))


schema = strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))

"""The README tells the truth: its queries run on the schema, and the table of settings is the settings."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from pydantic import AliasChoices

from cli import PANELS
from settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TOUR = README.partition("## A tour in ten queries")[2].partition("\n## ")[0]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text())


def queries_in(text: str) -> list[str]:
    blocks = re.findall(r"^```graphql\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


COMMANDS = {name for commands in PANELS.values() for name in commands}
ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?:`(?P<default>[^`]*)`)? ?\| (?P<description>.+) \|$", re.MULTILINE)


def test_the_tour_has_ten_queries() -> None:
    assert len(queries_in(TOUR)) == 10


@pytest.mark.parametrize("query", queries_in(README))
def test_each_query_is_valid(query: str) -> None:
    assert validate(SCHEMA, parse(query)) == []


def variable(alias: object) -> str:
    """The environment variable of a setting; the first where it has several names."""
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)


def written(default: object) -> str | None:
    match default:
        case None | ():
            return None
        case Enum():
            return str(default.value)
        case tuple():
            return ",".join(default)
    return str(default)


def test_the_table_of_settings_is_complete_and_true() -> None:
    told = [(row["name"], row["default"], row["description"]) for row in ROW.finditer(SETTINGS)]
    assert told == [
        (variable(field.validation_alias), written(field.default), field.description)
        for field in Settings.model_fields.values()
    ]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"\bscoregraph ([a-z]+)", README))))
def test_each_command_it_names_exists(command: str) -> None:
    assert command in COMMANDS

"""The example tabs, against the schema that the gateway serves."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "web" / "src" / "examples").glob("*.graphql"))


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    printed = ROOT / "schema" / "schema.graphql"
    if not printed.exists():
        pytest.skip("schema/schema.graphql is not printed")
    return build_schema(printed.read_text())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(example: Path, schema: GraphQLSchema) -> None:
    assert validate(schema, parse(example.read_text())) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_what_it_shows(example: Path) -> None:
    text = example.read_text()
    assert text.startswith("# ")
    # The name of the operation becomes the title of the tab.
    (operation,) = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name


def test_every_example_is_a_tab() -> None:
    tabs = (ROOT / "web" / "src" / "examples.ts").read_text()
    assert all(f"'./examples/{example.name}?raw'" in tabs for example in EXAMPLES)

"""The limits of a document: what is refused, what just passes, and how long it takes to say so."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from graphql import GraphQLSyntaxError, get_introspection_query, validate

from execution.limits import LIMITS, LimitExceeded, check_variables, parse_within_limits
from execution.operations import RequestErrors
from resolvers.context import Context, Services
from schema.graph import graph

# Nothing here gets as far as to need any.
NO_SERVICES = cast(Services, None)


def nested(levels: int, inside: str = "a") -> str:
    return "{ " + "a { " * (levels - 1) + inside + " }" * levels


def names(count: int) -> str:
    return " ".join(f"f{number}" for number in range(count))


def refusal(document: str) -> dict[str, Any]:
    with pytest.raises(LimitExceeded) as refused:
        parse_within_limits(document)
    assert refused.value.extensions is not None
    return refused.value.extensions


EDGES = [
    ("depth", nested(15), nested(16)),
    ("introspection_depth", nested(25).replace("a", "__schema", 1), nested(26).replace("a", "__schema", 1)),
    ("aliases", aliases := nested(2, " ".join(f"x{n}: f" for n in range(30))), aliases.replace("x0", "y: f x0")),
    ("root_fields", f"{{ {names(20)} }}", f"{{ {names(21)} }}"),
    ("directives", nested(1, "a" + " @d" * 20), nested(1, "a" + " @d" * 21)),
    ("repeats", nested(2, "b " * 20), nested(2, "b " * 21)),
    ("list_items", f"{{ a(b: [{'1 ' * 1000}]) }}", f"{{ a(b: [{'1 ' * 1001}]) }}"),
    ("tokens", nested(2, names(1994)), nested(2, names(1998))),
]


@pytest.mark.parametrize(("what", "passes", "exceeds"), EDGES, ids=[edge[0] for edge in EDGES])
def test_the_last_that_passes_and_the_first_that_does_not(what: str, passes: str, exceeds: str) -> None:
    parse_within_limits(passes)
    limit = getattr(LIMITS, what)
    assert refusal(exceeds) == {"code": "LIMIT_EXCEEDED", "what": what, "limit": limit, "actual": limit + 1}


@pytest.mark.parametrize(
    ("what", "actual", "document"),
    [
        # A fragment counts wherever it is spread.
        ("depth", 16, "{ a { ...F } } fragment F on T " + nested(15)),
        ("depth", 16, "{ a { ... on T { ...F } } } fragment F on T " + nested(15)),
        (
            "aliases",
            32,
            "{ a { ...F } b { ...F } } fragment F on T { " + " ".join(f"x{n}: f" for n in range(16)) + " }",
        ),
        ("root_fields", 22, f"{{ ...F ... {{ {names(11)} }} }} fragment F on T {{ {names(11)} }}"),
        ("directives", 24, "{ a { ...F @d } b { ...F @d } } fragment F on T @d { a" + " @d" * 10 + " }"),
        ("repeats", 25, nested(2, "b { c c c c c } " * 5)),
        ("repeats", 31, "{ a { ...F b } a { ...F ...F } } fragment F on T { b { c " + "d " * 10 + "} }"),
        # Every operation counts, whichever will run, and those of the other kinds too.
        ("depth", 16, "query A { a } query B " + nested(16)),
        ("depth", 16, "mutation " + nested(16)),
        ("directives", 21, "query A($v: Int" + " @d" * 11 + ")" + " @d" * 10 + " { a }"),
        ("list_items", 1001, f"query A($v: [Int] = [{'1 ' * 1001}]) {{ a }}"),
        ("list_items", 1001, f"{{ a(b: {{c: [{{d: [{'1 ' * 1001}]}}]}}) }}"),
        ("list_items", 1001, f"{{ a @d(b: [{'1 ' * 1001}]) }}"),
        # Being about the schema excuses from one limit alone.
        ("aliases", 31, "{ __schema { " + " ".join(f"x{n}: types" for n in range(31)) + " } }"),
    ],
)
def test_everything_counts_wherever_it_stands(what: str, actual: int, document: str) -> None:
    answer = refusal(document)
    assert (answer["what"], answer["actual"]) == (what, actual)


def test_introspection_and_the_depth_beside_it() -> None:
    standard = parse_within_limits(get_introspection_query(input_value_deprecation=True, schema_description=True))
    assert validate(graph.schema, standard) == []
    # A data field is no deeper for standing beside the schema, and no shallower.
    both = "{ __schema { " + "ofType { " * 15 + "name" + " }" * 15 + " } ...F } fragment F on Query " + nested(15)
    parse_within_limits(both)
    assert refusal(both.replace(nested(15), nested(16)))["what"] == "depth"
    # A field of ours that only looks like introspection lower down gains one level of its own budget, not more.
    assert refusal(nested(14, "__type " + nested(26)))["what"] == "introspection_depth"


CHAIN = "".join(f"fragment f{n} on Query {{ ...f{n + 1} }} " for n in range(240))
HOSTILE = {
    "doubling": "{ ...f0 } "
    + "".join(f"fragment f{n} on Query {{ a {{ ...f{n + 1} }} b {{ ...f{n + 1} }} }} " for n in range(12))
    + "fragment f12 on Query { a: __typename }",
    "doubling in place": "{ ...f0 } "
    + "".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }} " for n in range(160))
    + "fragment f160 on Query { __typename }",
    "all into all": "{ ...f0 } "
    + "".join(f"fragment f{n} on Query {{ {' '.join(f'...f{m}' for m in range(28))} }} " for n in range(28)),
    "itself": "{ ...f0 } fragment f0 on Query { viewer { role } ...f0 }",
    "a ring": "{ ...f0 } " + CHAIN.replace("...f240", "...f0"),
    "a chain": "{ ...f0 } " + CHAIN + "fragment f240 on Query { __typename }",
    "unknown fragments": "{ viewer { " + " ".join(f"...f{n}" for n in range(900)) + " } }",
    "repeated": "{ viewer { " + "user { id } " * 490 + "} }",
    "repeated at two levels": "{ viewer { " + ("user { " + "id " * 40 + "} ") * 40 + "} }",
    "deep": "{ a " * 5_000 + "}" * 5_000,
    "a deep value": "{ a(b: " + "[" * 5_000 + "]" * 5_000 + ") }",
    "commas": "{ a" + "," * 260_000 + " }",
    "a long name": "{ " + "a" * 260_000 + " }",
    "braces": "{" * 260_000,
}


@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_documents_are_refused_at_once(document: str) -> None:
    async def refuse() -> float:
        started = time.perf_counter()
        result = await graph.execute(document, context_value=Context(NO_SERVICES, None))
        assert result.data is None
        assert result.errors
        codes = {error.extensions["code"] for error in result.errors if error.extensions}
        assert codes <= {"LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "UNAUTHENTICATED"}
        return time.perf_counter() - started

    # The best of three, since other work may have had the processor.
    assert min([await refuse() for _ in range(3)]) < 0.25


def test_counting_stops_before_numbers_that_json_cannot_hold() -> None:
    assert refusal(HOSTILE["doubling in place"])["actual"] == 1_000_000


@pytest.mark.parametrize(
    "variables", [{"a": [0] * 1001}, {"a": {"b": [[0], [0] * 1001]}}, {"a": [{"b": [0] * 1001}] * 2000}]
)
def test_lists_in_variables(variables: dict[str, Any]) -> None:
    with pytest.raises(LimitExceeded):
        check_variables(variables)


def test_variables_that_pass() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    check_variables({"deep": deep, "long": [0] * 1000, "text": "x" * 5_000})
    check_variables(None)
    # Mutations refuse these themselves.
    check_variables({"input": {"attempts": [{"errors": ["e"]}] * 1001}})


def test_mistakes_keep_their_own_error() -> None:
    with pytest.raises(GraphQLSyntaxError):
        parse_within_limits('{ a(b: "Document contains more that 2000 tokens") ')
    two = "query A { __typename } query B { __typename }"
    with pytest.raises(RequestErrors, match="operation name"):
        graph.operations.prepare(two)
    assert graph.operations.prepare(two, "A").name == "A"

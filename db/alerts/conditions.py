"""Conditions of alert rules: comparisons of measures, such as ``error_rate > 0.05 and requests >= 20``.

They look like Python and are read by its parser, but nothing of them is ever run: what is known here becomes a tree of our own,
and anything else is refused. The grammar::

    condition  = condition ("and" | "or") condition | "not" condition | "(" condition ")" | comparison
    comparison = value ("<" | "<=" | ">" | ">=" | "==" | "!=") value
    value      = number | measure | value ("+" | "-" | "*" | "/") value | "-" value | "(" value ")"

A comparison with what is not known (there were no requests, so they have no error rate) does not hold, nor does its ``not``:
as in Prometheus, for which ``workers/alerts/prometheus.py`` writes the same trees.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from db.alerts.measures import MEASURES

LONGEST = 500
MOST_PARTS = 50
"""Numbers, measures, and what joins them."""

Reading = Mapping[str | None, float]
"""A measure as of now, by what it is of: a queue, a view; None where it is of the whole. What is not known is left out."""


class ConditionError(ValueError):
    """What was written is no condition. The message is a sentence for who wrote it."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Measured:
    name: str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: str
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Joined:
    """``operator`` is ``and`` or ``or``."""

    operator: str
    parts: tuple[Test, ...]


Value = Number | Measured | Arithmetic
Test = Comparison | Joined


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a condition, for one subject. ``value`` is that of the first measure that it names; None: not known. ``known_value`` is that
    of the first one that is.
    """

    holds: bool
    value: float | None
    known_value: float


@dataclass(frozen=True, slots=True)
class Condition:
    """``measures`` are those that it names, in that order."""

    test: Test
    measures: tuple[str, ...]

    @property
    def by(self) -> str | None:
        """What its measures are told apart by, all of them alike."""
        return MEASURES[self.measures[0]].by

    def judge(self, readings: Mapping[str, Reading]) -> dict[str | None, Outcome]:
        """What it comes to for each subject that any of its measures is known of."""
        subjects = {subject: None for name in self.measures for subject in readings.get(name, {})}
        return {subject: self._judge(readings, subject) for subject in subjects}

    def _judge(self, readings: Mapping[str, Reading], subject: str | None) -> Outcome:
        known = {name: readings[name][subject] for name in self.measures if subject in readings.get(name, {})}
        return Outcome(_holds(self.test, known), known.get(self.measures[0]), next(iter(known.values())))


@lru_cache(maxsize=1024)
def parse(text: str) -> Condition:
    """Raises ConditionError."""
    if len(text) > LONGEST:
        raise ConditionError(f"A condition has at most {LONGEST} characters.")
    tree = _tree(text)
    if sum(1 for node in ast.walk(tree) if isinstance(node, ast.expr)) > MOST_PARTS:
        raise ConditionError(f"A condition has at most {MOST_PARTS} parts.")
    test = _test(tree.body, text, is_negated=False)
    measures = tuple(dict.fromkeys(_measures(test)))
    kinds = {MEASURES[name].by for name in measures}
    if len(kinds) > 1:
        told = ", ".join(f"{name} {_scope(MEASURES[name].by)}" for name in measures)
        raise ConditionError(f"These measures are of different things: {told}. Make a rule of each.")
    return Condition(test, measures)


def _scope(by: str | None) -> str:
    return f"is by {by}" if by else "is of the whole"


def _tree(text: str) -> ast.Expression:
    try:
        with warnings.catch_warnings():
            # What Python only frowns upon, such as `1and 2`, is not meant.
            warnings.simplefilter("error")
            return ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ConditionError("This is no condition; it looks like error_rate > 0.05 and requests >= 20.") from None


COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
ARITHMETICS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
NEGATIONS = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==", "and": "or", "or": "and"}


def _test(node: ast.expr, text: str, *, is_negated: bool) -> Test:
    """``not`` is worked into the comparisons, so that what is not known never holds."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _test(operand, text, is_negated=not is_negated)
        case ast.BoolOp(op=op, values=values):
            word = "and" if isinstance(op, ast.And) else "or"
            parts = tuple(_test(value, text, is_negated=is_negated) for value in values)
            return Joined(NEGATIONS[word] if is_negated else word, parts)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
            sign = COMPARISONS[type(op)]
            comparison = Comparison(NEGATIONS[sign] if is_negated else sign, _value(left, text), _value(right, text))
            if not any(True for _ in _measures(comparison)):
                raise ConditionError(f"{_quoted(node, text)} compares no measure.")
            return comparison
        case ast.Compare(ops=[_, _, *_]):
            raise ConditionError(f"Instead of {_quoted(node, text)} write two comparisons and `and` between them.")
    raise ConditionError(f"{_quoted(node, text)} is no comparison.")


def _value(node: ast.expr, text: str) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Number(_finite(number))
        case ast.Name(id=name) if name in MEASURES:
            return Measured(name)
        case ast.Name(id=name):
            raise ConditionError(f"There is no measure {name}; there are {', '.join(sorted(MEASURES))}.")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Arithmetic("-", Number(0.0), _value(operand, text))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETICS:
            return Arithmetic(ARITHMETICS[type(op)], _value(left, text), _value(right, text))
    raise ConditionError(f"{_quoted(node, text)} is neither a number, nor a measure, nor a sum or product of these.")


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ConditionError("A number is too large.")
    return number


def _quoted(node: ast.expr, text: str) -> str:
    source = ast.get_source_segment(text.strip(), node) or ""
    return f"`{source[:60]}{'…' if len(source) > 60 else ''}`"


def _measures(part: Test | Value) -> Iterator[str]:
    """In the order in which they are written."""
    match part:
        case Measured(name):
            yield name
        case Joined(_, parts):
            for each in parts:
                yield from _measures(each)
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            yield from _measures(left)
            yield from _measures(right)


def _divide(left: float, right: float) -> float:
    """As floating point has it, and Prometheus."""
    if right:
        return left / right
    return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left)


COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
CALCULATE: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
}


def _holds(test: Test, known: Mapping[str, float]) -> bool:
    if isinstance(test, Joined):
        join = all if test.operator == "and" else any
        return join(_holds(part, known) for part in test.parts)
    left, right = _worth(test.left, known), _worth(test.right, known)
    return left is not None and right is not None and COMPARE[test.operator](left, right)


def _worth(value: Value, known: Mapping[str, float]) -> float | None:
    match value:
        case Number(number):
            return number
        case Measured(name):
            return known.get(name)
        case Arithmetic(sign, left, right):
            first, second = _worth(left, known), _worth(right, known)
            return None if first is None or second is None else CALCULATE[sign](first, second)

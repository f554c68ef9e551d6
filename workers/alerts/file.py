"""The file of alert rules (``config/alerts.yaml``), read with the line of whatever is wrong in it.

::

    alerts:
      - name: high_error_rate             # names it, in the file and where it is told
        condition: error_rate > 0.05      # see db/alerts/conditions.py, and `scoregraph alerts measures`
        severity: critical                # info, warning or critical
        notification: email,slack         # none where it is left out; a list will do, too
        for: 5m                           # how long the condition must hold; 5m where it is left out
        summary: Requests fail.           # for people
        enabled: true
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import yaml

from db.alerts.conditions import ConditionError, parse
from db.delivery_targets import DeliveryChannel
from db.queries.alert_rules import (
    DEFAULT_FOR_SECONDS,
    LONGEST_FOR_SECONDS,
    LONGEST_NAME,
    LONGEST_SUMMARY,
    AlertRule,
    AlertSeverity,
    text_complaint,
)

E = TypeVar("E", bound=StrEnum)

MOST_BYTES = 256 * 1024
MOST_RULES = 200
MOST_PROBLEMS = 20
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
KEYS = ("name", "condition", "severity", "notification", "for", "summary", "enabled")


@dataclass(frozen=True, slots=True)
class Problem:
    """``line`` counts from 1; None: of the file as a whole."""

    line: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"


class AlertsFileError(Exception):
    """The file is not such that its rules could be taken; none of them is."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def read_file(path: Path) -> list[AlertRule]:
    """Raises AlertsFileError with everything that is wrong, up to MOST_PROBLEMS."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise AlertsFileError(Problem(None, f"It cannot be read: {error.strerror}.")) from None
    if len(content) > MOST_BYTES:
        raise AlertsFileError(Problem(None, f"It has more than {MOST_BYTES} bytes."))
    return read_text(content)


def read_text(content: bytes | str) -> list[AlertRule]:
    """Raises AlertsFileError."""
    root = _root(content)
    if root is None:
        return []
    reading = _Reading([], {})
    rules = list(reading.rules(root))
    if reading.problems:
        raise AlertsFileError(*reading.problems[:MOST_PROBLEMS])
    return rules


def _root(content: bytes | str) -> yaml.Node | None:
    try:
        # Nodes, not values: they know their lines, and an alias of an alias costs nothing.
        root: yaml.Node | None = yaml.compose(content, Loader=yaml.SafeLoader)
        return root
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"This is no YAML: {error.problem or error.context}."
        raise AlertsFileError(Problem(mark.line + 1 if mark else None, message)) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise AlertsFileError(Problem(None, "It is no text in UTF-8.")) from None
    except RecursionError:
        raise AlertsFileError(Problem(None, "It is nested too deeply.")) from None


@dataclass
class _Reading:
    """Of one file: what is wrong in it, and in which lines names were used."""

    problems: list[Problem]
    names: dict[str, int]

    def _complain(self, node: yaml.Node, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, message))

    def rules(self, root: yaml.Node) -> Iterator[AlertRule]:
        items = self._mapping(root, ("alerts",), "The file").get("alerts")
        if items is None or _is_null(items):
            return
        if not isinstance(items, yaml.SequenceNode):
            self._complain(items, "`alerts` is a list of rules.")
            return
        if len(items.value) > MOST_RULES:
            self._complain(items, f"There are more than {MOST_RULES} rules.")
            return
        for item in items.value:
            rule = self._rule(item)
            if rule is not None:
                yield rule

    def _rule(self, node: yaml.Node) -> AlertRule | None:
        before = len(self.problems)
        given = self._mapping(node, KEYS, "A rule")
        if len(self.problems) == before:
            for key in ("name", "condition", "severity"):
                if key not in given:
                    self._complain(node, f"A rule needs `{key}`.")
        name = self._name(given.get("name"))
        condition = self._condition(given.get("condition"))
        severity = self._one_of(AlertSeverity, given.get("severity"), "severity")
        channels = self._channels(given.get("notification"))
        seconds = self._seconds(given.get("for"))
        summary = self._text(given.get("summary"), "summary", LONGEST_SUMMARY)
        is_enabled = self._enabled(given.get("enabled"))
        if len(self.problems) > before or name is None or condition is None or severity is None:
            return None
        return AlertRule(name, condition, severity, seconds, channels, summary, is_enabled)

    def _mapping(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._complain(node, f"{what} has keys: {', '.join(known)}.")
            return {}
        given: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value not in known:
                self._complain(key, f"{what} has no such key; there are {', '.join(known)}.")
            elif key.value in given:
                self._complain(key, f"`{key.value}` is said twice.")
            else:
                given[key.value] = value
        return given

    def _text(self, node: yaml.Node | None, key: str, longest: int) -> str | None:
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or _is_null(node):
            self._complain(node, f"`{key}` is a text.")
            return None
        text: str = node.value.strip()
        if (complaint := text_complaint(text, longest)) is not None:
            self._complain(node, f"`{key}`: {complaint}")
            return None
        return text

    def _name(self, node: yaml.Node | None) -> str | None:
        name = self._text(node, "name", LONGEST_NAME)
        if name is None or node is None:
            return None
        if name in self.names:
            self._complain(node, f"Another rule has this name, in line {self.names[name]}.")
        self.names[name] = node.start_mark.line + 1
        return name

    def _condition(self, node: yaml.Node | None) -> str | None:
        if node is None:
            return None
        # One that goes over several lines is folded.
        text = " ".join(node.value.split()) if isinstance(node, yaml.ScalarNode) else ""
        try:
            parse(text)
        except ConditionError as error:
            self._complain(node, str(error))
            return None
        return text

    def _one_of(self, kind: type[E], node: yaml.Node | None, key: str) -> E | None:
        if node is None:
            return None
        known = {each.value: each for each in kind}
        if isinstance(node, yaml.ScalarNode) and node.value.strip().upper() in known:
            return known[node.value.strip().upper()]
        self._complain(node, f"`{key}` is one of {', '.join(known).lower()}.")
        return None

    def _channels(self, node: yaml.Node | None) -> tuple[DeliveryChannel, ...]:
        if node is None or _is_null(node):
            return ()
        if isinstance(node, yaml.SequenceNode):
            named: list[yaml.Node] = node.value
        elif isinstance(node, yaml.ScalarNode):
            named = [yaml.ScalarNode(node.tag, name, node.start_mark) for name in node.value.split(",") if name.strip()]
        else:
            named = [node]
        found = [self._one_of(DeliveryChannel, each, "notification") for each in named]
        return tuple(dict.fromkeys(channel for channel in found if channel is not None))

    def _seconds(self, node: yaml.Node | None) -> int:
        if node is None:
            return DEFAULT_FOR_SECONDS
        match = re.fullmatch(r"([0-9]{1,9})\s*([smhd]?)", node.value) if isinstance(node, yaml.ScalarNode) else None
        seconds = int(match[1]) * UNITS[match[2] or "s"] if match else None
        if seconds is None or seconds > LONGEST_FOR_SECONDS:
            self._complain(node, "`for` looks like 30s, 5m or 1h, and is a week at most.")
            return DEFAULT_FOR_SECONDS
        return seconds

    def _enabled(self, node: yaml.Node | None) -> bool:
        if node is None:
            return True
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:bool":
            said: str = node.value
            return said.lower() in {"true", "yes", "on"}
        self._complain(node, "`enabled` is true or false.")
        return True


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")

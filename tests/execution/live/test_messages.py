"""What is a message of graphql-transport-ws, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from execution.live.messages import (
    LONGEST_ID,
    LONGEST_MESSAGE,
    Close,
    CloseCode,
    Complete,
    Initialisation,
    Message,
    Next,
    Ping,
    Pong,
    Subscribe,
    complete_message,
    error_message,
    read_message,
)
from execution.live.outbox import Pieces
from execution.operations import GraphQLRequest

QUERY = {"query": "{ __typename }"}


def read(message: Any) -> Message:
    return read_message(
        {"type": "websocket.receive", "text": message if isinstance(message, str) else json.dumps(message)}
    )


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ({"type": "connection_init"}, Initialisation({})),
        ({"type": "connection_init", "payload": None}, Initialisation({})),
        ({"type": "connection_init", "payload": {"a": 1}, "more": 2}, Initialisation({"a": 1})),
        ({"type": "ping"}, Ping()),
        ({"type": "ping", "payload": {}}, Ping()),
        ({"type": "pong", "payload": None}, Pong()),
        ({"type": "complete", "id": "1"}, Complete("1")),
        ({"type": "subscribe", "id": "ü", "payload": QUERY}, Subscribe("ü", GraphQLRequest("{ __typename }"))),
        (
            {
                "type": "subscribe",
                "id": "1",
                "payload": {**QUERY, "operationName": "A", "variables": {"a": 1}, "extensions": {"b": 2}},
            },
            Subscribe("1", GraphQLRequest("{ __typename }", "A", {"a": 1}, {"b": 2})),
        ),
        (
            {"type": "subscribe", "id": "1", "payload": {"documentId": "x"}},
            Subscribe("1", GraphQLRequest(document_id="x")),
        ),
    ],
)
def test_messages(message: Any, meant: Message) -> None:
    assert read(message) == meant


@pytest.mark.parametrize(
    "message",
    [
        "",
        "nonsense",
        "[]",
        "5",
        "null",
        "NaN",
        '"\\ud800"',
        "[" * 2000 + "]" * 2000,
        {},
        {"type": None},
        {"type": 5},
        {"type": ["subscribe"]},
        {"type": "nonsense"},
        {"type": "next", "id": "1", "payload": {}},
        {"type": "start", "id": "1", "payload": QUERY},
        {"type": "connection_init", "payload": []},
        {"type": "connection_init", "payload": "x"},
        {"type": "ping", "payload": 5},
        {"type": "pong", "payload": []},
        {"type": "complete"},
        {"type": "complete", "id": ""},
        {"type": "complete", "id": 1},
        {"type": "subscribe"},
        {"type": "subscribe", "payload": QUERY},
        {"type": "subscribe", "id": None, "payload": QUERY},
        {"type": "subscribe", "id": "", "payload": QUERY},
        {"type": "subscribe", "id": "x" * (LONGEST_ID + 1), "payload": QUERY},
        {"type": "subscribe", "id": "1"},
        {"type": "subscribe", "id": "1", "payload": None},
        {"type": "subscribe", "id": "1", "payload": {}},
        {"type": "subscribe", "id": "1", "payload": {"query": None}},
        {"type": "subscribe", "id": "1", "payload": {"query": 5, "documentId": "x"}},
        {"type": "subscribe", "id": "1", "payload": {**QUERY, "operationName": 5}},
        {"type": "subscribe", "id": "1", "payload": {**QUERY, "variables": []}},
        {"type": "subscribe", "id": "1", "payload": {**QUERY, "extensions": "x"}},
        {"type": "subscribe", "id": "1", "payload": {**QUERY, "documentId": 5}},
    ],
)
def test_what_is_no_message_closes_the_socket(message: Any) -> None:
    with pytest.raises(Close) as closed:
        read(message)
    assert closed.value.code is CloseCode.BAD_REQUEST
    assert 0 < len(closed.value.reason.encode()) <= 123


@pytest.mark.parametrize("text", ["x" * (LONGEST_MESSAGE + 1), "ü" * (LONGEST_MESSAGE // 2 + 1)])
def test_a_message_that_is_too_large(text: str) -> None:
    for event in ({"text": text, "bytes": None}, {"text": None, "bytes": text.encode()}):
        with pytest.raises(Close) as closed:
            read_message(event)
        assert closed.value.code is CloseCode.TOO_LARGE


def test_frames_of_bytes_are_no_messages() -> None:
    with pytest.raises(Close) as closed:
        read_message({"text": None, "bytes": b'{"type": "ping"}'})
    assert closed.value.code is CloseCode.BAD_REQUEST


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
def test_the_case_of_authorization_does_not_matter(name: str) -> None:
    assert Initialisation({"other": 1, name: "Bearer x"}).authorization == "Bearer x"
    assert Initialisation({}).authorization is None


def text_of(message: Pieces) -> Any:
    return json.loads(b"".join(message))


def test_what_the_client_is_sent() -> None:
    id = 'a"\\ü'
    assert text_of(Next(id).message(b'{"data":{"a":1}}')) == {"id": id, "type": "next", "payload": {"data": {"a": 1}}}
    assert text_of(error_message(id, [{"message": "m"}])) == {
        "id": id,
        "type": "error",
        "payload": [{"message": "m"}],
    }
    assert text_of(complete_message(id)) == {"id": id, "type": "complete"}

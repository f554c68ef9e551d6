"""What names a person is dropped by its key, however deep it is and however it is written; nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.personal_keys import is_personal, without_personal_keys
from settings import Settings

WORDS = frozenset(Settings().event_dropped_keys)


@pytest.mark.parametrize(
    "key",
    [
        *(
            "email",
            "EMAIL",
            "e-mail",
            "E_Mail",
            "eMail",
            "userEmail",
            "user_emails",
            "contact.email.2",
            "EMAILADDRESS2mail",
        ),
        *("name", "first_name", "firstName", "FirstName", "FIRSTNAME", "username", "full name", "Names"),
        *(
            "phone",
            "phone_number",
            "mobilePhone",
            "ip",
            "IP",
            "clientIp",
            "client_ip",
            "IPAddress",
            "remoteIPs",
            "ipv4",
            "ipv6",
        ),
        *("token", "accessToken", "refresh-token", "password", "passwords", "newPassword", "sessionId", "session_id"),
        *("apiKey", "API_KEY", "Authorization", "set-cookie", "ｅｍａｉｌ", "x" * 5000 + "_email"),
        *("user_em\u200bail", "e\u00admail", "e\u0301mail", "İp", "ship_addresses"),
    ],
)
def test_keys_that_name_a_person(key: str) -> None:
    assert is_personal(key, WORDS)


@pytest.mark.parametrize(
    "key",
    [
        *(
            "browser",
            "description",
            "skip",
            "zip",
            "recipe",
            "shipping",
            "renamed",
            "tournament",
            "session_length",
            "tokenizer",
        ),
        *("", "1", "🙂", "mailing", "microphone", "lab", "l1", "ipsum", "passwordless"),
    ],
)
def test_keys_that_do_not(key: str) -> None:
    assert not is_personal(key, WORDS)


def test_says_what_was_dropped_at_any_depth() -> None:
    metadata = {
        "browser": "chrome",
        "ip": "192.168.1.1",
        "client": {"ip": "::1", "os": "linux", "owner": {"e-mail": "a@b.example", "age": 7}},
        "items": [{"name": "x", "n": 1}, [{"name": {"deep": "y"}}], "name"],
    }
    kept, dropped = without_personal_keys(metadata, WORDS)
    assert kept == {
        "browser": "chrome",
        "client": {"os": "linux", "owner": {"age": 7}},
        "items": [{"n": 1}, [{}], "name"],
    }
    assert dropped == ["ip", "client.ip", "client.owner.e-mail", "items.name"]


def test_an_empty_list_drops_nothing() -> None:
    assert without_personal_keys({"email": 1}, frozenset()) == ({"email": 1}, [])


KEYS = st.sampled_from(["email", "userEmail", "browser", "os", "client_ip", "n"])
JSON = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4),
)


@given(JSON)
def test_nothing_personal_stays_and_nothing_else_goes(value: object) -> None:
    kept, dropped = without_personal_keys(value, WORDS)

    def keys(value: object) -> list[str]:
        if isinstance(value, dict):
            return [*value, *(key for below in value.values() for key in keys(below))]
        return [key for below in value for key in keys(below)] if isinstance(value, list) else []

    assert not set(keys(kept)) & {"email", "userEmail", "client_ip"}
    assert bool(dropped) is bool(set(keys(value)) & {"email", "userEmail", "client_ip"})
    assert without_personal_keys(kept, WORDS) == (kept, [])
    if not dropped:
        assert kept == value

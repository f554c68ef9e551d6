"""The settings of a gateway: told as they are documented, and nothing that is secret."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from resolvers.settings import url_without_credentials
from settings import Settings
from tests.asking import Asker
from tests.schema.test_roster import ROOT
from tests.test_readme import ROW, SETTINGS

DOCUMENT = "{ operations { settings { name value isSet description } } }"
SECRET = "hunter2"
GIVEN: dict[str, Any] = {
    "database_url": f"postgresql://scoregraph:{SECRET}@db.example:5432/scores?sslmode=require&sslpassword={SECRET}",
    "redis_url": f"rediss://:{SECRET}@cache.example:6379/0",
    "user_progress_url": f"https://people.example/api?token={SECRET}",
    "object_storage_bucket": "files",
    "object_storage_access_key": SECRET,
    "smtp_host": "mail.example",
    "smtp_from": "reports@school.example",
    "smtp_username": SECRET,
    "alert_emails": f"{SECRET}@school.example",
    "alert_telegram_chat": SECRET,
    "cors_origins": "https://app.example,https://b.example",
    "log_level": "DEBUG",
    "port": 9000,
    "kafka_brokers": "a:9092,b:9092",
}
SECRETS = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}


async def settings_of(ask: Asker, settings: Settings) -> dict[str, dict[str, Any]]:
    ask.services = replace(ask.services, settings=settings)
    answer = await ask(DOCUMENT, **ROOT)
    assert answer.errors == []
    assert answer.data
    assert SECRET not in str(answer.data)
    return {setting["name"]: setting for setting in answer.data["operations"]["settings"]}


async def test_by_default_they_are_those_of_the_documentation(
    fresh_ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in ROW.finditer(SETTINGS):
        monkeypatch.delenv(row["name"], raising=False)
    found = await settings_of(fresh_ask, Settings())
    told = [(row["name"], row["default"], row["description"]) for row in ROW.finditer(SETTINGS)]
    documented = [(setting["name"], setting["value"], setting["description"]) for setting in found.values()]
    assert documented == told
    assert not any(setting["isSet"] for setting in found.values())


async def test_secrets_are_never_told(fresh_ask: Asker) -> None:
    given = {**GIVEN, **{name: SecretStr(f"{SECRET}-{name}") for name in SECRETS}}
    found = await settings_of(fresh_ask, Settings(**given))
    assert {name: found[name]["value"] for name in ("DATABASE_URL", "REDIS_URL", "USER_PROGRESS_SERVICE_URL")} == {
        "DATABASE_URL": "postgresql://db.example:5432/scores",
        "REDIS_URL": "rediss://cache.example:6379/0",
        "USER_PROGRESS_SERVICE_URL": "https://people.example/api",
    }
    others = ("LOG_LEVEL", "PORT", "SCOREGRAPH_CORS_ORIGINS", "KAFKA_BROKERS", "OBJECT_STORAGE_BUCKET")
    assert [found[name]["value"] for name in others] == [
        "DEBUG",
        "9000",
        "https://app.example,https://b.example",
        "a:9092,b:9092",
        "files",
    ]
    for name in SECRETS | GIVEN.keys():
        alias = Settings.model_fields[name].validation_alias
        variable = alias if isinstance(alias, str) else "DATABASE_URL"
        assert found[variable]["isSet"], name
        if name in SECRETS or GIVEN[name] in (SECRET, f"{SECRET}@school.example"):
            assert found[variable]["value"] is None, name
    assert len(SECRETS) > 5


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://db.example/scores", "postgresql://db.example/scores"),
        ("postgresql://u:p@h1:1,h2:2/scores", "postgresql://h1:1,h2:2/scores"),
        ("postgresql://u:p@a@[::1]:5432/scores", "postgresql://[::1]:5432/scores"),
        ("postgresql:///scores?host=/run&password=p", "postgresql:///scores"),
        ("unix:///run/redis.sock?password=p", "unix:///run/redis.sock"),
        ("https://user:p@host", "https://host"),
        ("https://host#p", "https://host"),
        # Where the password ends is not certain.
        ("postgresql://u:p/a@host/db", None),
        ("postgresql://u:p?a@host/db", None),
        ("postgresql://u:p#a@host/db", None),
        ("redis://host/0?password=p@a", None),
        ("redis://u:p@host/0?password=p@a", None),
        ("two words://host", None),
    ],
)
def test_urls_have_no_credentials(url: str, told: str | None) -> None:
    assert url_without_credentials(url) == told


async def test_what_is_no_url_where_one_is_expected_is_not_told(fresh_ask: Asker) -> None:
    settings = Settings(database_url=f"host=db.example password={SECRET}")
    found = (await settings_of(fresh_ask, settings))["DATABASE_URL"]
    assert (found["value"], found["isSet"]) == (None, True)


@pytest.mark.parametrize(("person", "role"), [("ben", "STUDENT"), ("ada", "TEACHER"), ("mia", "MANAGER")])
async def test_they_are_for_operators(ask: Asker, person: str, role: str) -> None:
    answer = await ask(DOCUMENT, person=person, role=role)
    assert (answer.data, answer.codes) == ({"operations": None}, ["FORBIDDEN"])

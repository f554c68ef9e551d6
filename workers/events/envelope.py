"""One event, as it comes: JSON of ours, or a CloudEvents 1.0 message in structured mode.

Ours is ``{"id", "type", "time", "organization", "version", "schemaVersion", "data"}``; a CloudEvent has ``source`` and
``specversion`` besides, its other names in small letters (``schemaversion``), and its type may begin with a domain
(``com.example.UserCreated``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from db.attempt_drafts import EARLIEST, FUTURE_ALLOWED
from db.problems import LONGEST_NAME, NOT_STORABLE, is_storable

MOST_BYTES = 256 * 1024
SCHEMA_VERSION = 1
"""Of the data, as it is understood here."""

LARGEST_VERSION = 2**63 - 1
T = TypeVar("T", bound="Data")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """What a broker brought; ``topic`` without any prefix of the broker's."""

    topic: str
    body: bytes


Take = Callable[[Sequence[Message]], Awaitable[Any]]
"""What is done with messages; when it returns, they are taken."""


@dataclass(frozen=True, slots=True)
class About:
    """What the envelope of an event says, where the rest cannot be read."""

    id: str | None
    type: str | None
    organization: str | None
    person: str | None = None


class Refusal(Exception):
    """Why an event cannot be taken. ``code`` is stable; ``message`` holds no value of the event's.

    ``may_pass``: it may be taken later, when something else has come. ``about``: as far as the event could be read.
    """

    about: About | None = None

    def __init__(self, code: str, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.may_pass = may_pass


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError(NOT_STORABLE)
    return text


def _is_text(value: object) -> object:
    # A number would be taken for seconds since 1970.
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("An instant is text, such as 2026-03-01T09:30:00Z.")
    return value


def _is_past(instant: datetime) -> datetime:
    if instant < EARLIEST:
        raise ValueError("The instant is before 1970.")
    return instant


def _from_number(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _without_domain(type_: str) -> str:
    return type_.rpartition(".")[2]


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_storable)]
Key = Annotated[Name, BeforeValidator(_from_number)]
"""The id of something in its own system: text, or a whole number, which is the same as its text."""

Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_is_text), AfterValidator(_is_past)]
Version = Annotated[int, Field(ge=0, le=LARGEST_VERSION)]


class Data(BaseModel):
    """What an event says. Types are strict; what is not known here is passed over."""

    model_config = ConfigDict(strict=True, alias_generator=to_camel, frozen=True, allow_inf_nan=False)


class Envelope(Data):
    """What is around the data. ``type`` is without its domain, if it had one."""

    id: Key
    type: Annotated[Name, AfterValidator(_without_domain)]
    time: Instant | None = None
    organization: Name | None = None
    version: Version | None = None
    schema_version: Version = SCHEMA_VERSION
    data: dict[str, Any]
    source: Name | None = None


class _CloudEvent(Envelope):
    specversion: Literal["1.0"]
    source: Name
    datacontenttype: Name | None = None
    schema_version: Version = Field(SCHEMA_VERSION, alias="schemaversion")


@dataclass(frozen=True, slots=True)
class Event:
    """``data`` is what its type says it is. ``time`` is when it happened, by its producer's clock; ``version`` counts what
    happened to the same thing.
    """

    message: Message
    id: str
    source: str
    type: str
    organization: str | None
    version: int | None
    time: datetime | None
    data: Any

    @property
    def key(self) -> tuple[str, str, str]:
        """By which it is known again."""
        return self.message.topic, self.source, self.id

    @property
    def person(self) -> str | None:
        """Whom it is about, by external id."""
        person: str | None = getattr(self.data, "user_id", None)
        return person

    @property
    def order(self) -> list[Any]:
        """What makes one word newer than another: the version, then the instant, then, so that everybody decides alike, the id."""
        instant = self.time or EPOCH
        micros = (instant - EPOCH) // timedelta(microseconds=1)
        return [-1 if self.version is None else self.version, micros, self.source, self.id]


def read(message: Message, data_of: Callable[[str, Envelope], Any]) -> Event:
    """``data_of`` says what the data of a topic's event is. Raises what that raises, and Refusal."""
    if len(message.body) > MOST_BYTES:
        raise Refusal("TOO_LARGE", f"At most {MOST_BYTES // 1024} KiB.")
    try:
        said = orjson.loads(message.body)
    except orjson.JSONDecodeError as error:
        raise Refusal("NOT_JSON", f"This is not JSON (at character {error.pos}).") from None
    if not isinstance(said, dict):
        raise Refusal("NOT_JSON", "An event is a JSON object.")
    try:
        envelope = _checked(_CloudEvent if "specversion" in said else Envelope, said, "ENVELOPE")
    except Refusal as refusal:
        refusal.about = _about(said)
        raise
    try:
        return _event(message, envelope, data_of(message.topic, envelope))
    except Refusal as refusal:
        refusal.about = About(envelope.id, envelope.type, envelope.organization)
        raise


def data_as(model: type[T], envelope: Envelope) -> T:
    """Raises Refusal."""
    if envelope.schema_version > SCHEMA_VERSION:
        raise Refusal(
            "SCHEMA_VERSION",
            f"Data of schema version {envelope.schema_version:,}; {SCHEMA_VERSION} is the newest known.",
        )
    return _checked(model, envelope.data, "DATA")


def _event(message: Message, envelope: Envelope, data: Any) -> Event:
    if envelope.time is not None and envelope.time > datetime.now(UTC) + FUTURE_ALLOWED:
        raise Refusal("TIME", "The instant is more than 5 minutes in the future.", may_pass=True)
    return Event(
        message=message,
        id=envelope.id,
        source=envelope.source or "",
        type=envelope.type,
        organization=envelope.organization,
        version=envelope.version,
        time=envelope.time,
        data=data,
    )


def _about(said: dict[str, Any]) -> About:
    """What can be read of an envelope that is wrong somewhere, so that whose it is can see that."""
    known = {name: value for name, value in said.items() if isinstance(value, str) and is_storable(value)}
    id_, type_, organization = (known.get(name, "")[:LONGEST_NAME] or None for name in ("id", "type", "organization"))
    return About(id_, type_ and type_.rpartition(".")[2], organization)


def _checked(model: type[T], said: dict[str, Any], code: str) -> T:
    try:
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Refusal(code, f"{place or 'data'}: {first['msg'].removeprefix('Value error, ')}") from None

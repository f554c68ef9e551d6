"""Every setting of a Scoregraph process, read once from the environment and frozen.

Variables keep the names that operators of comparable services know (``DATABASE_URL``, ``REDIS_URL``, ``PORT``,
``LOG_LEVEL``); those that only Scoregraph has begin with ``SCOREGRAPH_``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
"""What a browser sends as ``Origin``: never a path, not even a slash."""

TOPIC = re.compile("[A-Za-z0-9._-]{1,249}")
COST = re.compile(r"[1-9][0-9]{0,8}")


class UserProgressMode(StrEnum):
    """What to do with an attempt whose person or lab the user-progress service does not know."""

    STRICT = "strict"
    DEFER = "defer"
    OFF = "off"


class DocumentsMode(StrEnum):
    """Which documents run."""

    OPEN = "open"
    APQ = "apq"
    TRUSTED = "trusted"


class CostMode(StrEnum):
    """What to do with an operation that costs too much."""

    ENFORCE = "enforce"
    MEASURE = "measure"
    OFF = "off"


class MailSecurity(StrEnum):
    """How messages go to the mail server."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class DatabaseRole(StrEnum):
    """The three PostgreSQL roles; each process uses one. Row security tells them apart."""

    OWNER = "scoregraph_owner"
    API = "scoregraph_api"
    WORKER = "scoregraph_worker"


class Settings(BaseSettings):
    """Settings with their defaults. Durations are seconds. Those with ``repr=False`` are never shown, but for URLs without their
    credentials.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    database_url: str | None = Field(
        None,
        validation_alias=AliasChoices("DATABASE_URL", "POSTGRES_URL"),
        repr=False,
        description="PostgreSQL 16 to 18. Without it the embedded server in the data directory is used.",
    )
    redis_url: str | None = Field(
        None,
        validation_alias="REDIS_URL",
        repr=False,
        description="Valkey or Redis. Without it the embedded server is used, or, with DATABASE_URL, none: budgets and automatic "
        "documents are each gateway's own.",
    )
    data_dir: Path = Field(
        Path(".scoregraph"),
        validation_alias="SCOREGRAPH_DATA_DIR",
        description="Where the embedded servers keep their data.",
    )
    host: str = Field("127.0.0.1", validation_alias="HOST", description="Address to listen on.")
    port: int = Field(8005, validation_alias="PORT", ge=0, le=65535, description="Port to listen on.")

    jwt_secret: SecretStr | None = Field(
        None, validation_alias="JWT_SECRET", description="Shared secret (HS256) of one-box installs, 32 bytes or more."
    )
    jwt_jwks_url: str | None = Field(
        None,
        validation_alias="JWT_JWKS_URL",
        description="Where the identity provider publishes its keys (http or file URL).",
    )
    jwt_issuer: str = Field("scoregraph", validation_alias="JWT_ISSUER", description="Required issuer (iss).")
    jwt_audience: str = Field("scoregraph", validation_alias="JWT_AUDIENCE", description="Required audience (aud).")
    jwt_algorithms: Annotated[tuple[str, ...], NoDecode] = Field(
        ("RS256", "ES256"),
        validation_alias="JWT_ALGORITHMS",
        description="Algorithms accepted with a JWKS, separated by commas. A shared secret always means HS256.",
    )

    db_pool_size: int = Field(10, validation_alias="DB_POOL_SIZE", ge=1, le=200, description="Connections for reads.")
    statement_timeout: float = Field(
        10.0, validation_alias="SCOREGRAPH_STATEMENT_TIMEOUT", gt=0, description="Longest statement of a request."
    )
    cache_mb: int = Field(
        64,
        validation_alias="SCOREGRAPH_CACHE_MB",
        ge=0,
        le=65_536,
        description="Memory of a gateway for answers that are given again, in MiB; 0 keeps none.",
    )
    fold_seconds: float = Field(
        0.5, validation_alias="SCOREGRAPH_FOLD_SECONDS", gt=0, description="How often the worker folds pending changes."
    )
    refresh_seconds: float = Field(
        60.0,
        validation_alias=AliasChoices("SCOREGRAPH_REFRESH_SECONDS", "REPORTING_WORKER_INTERVAL_SECS"),
        gt=0,
        description="How often materialized views are refreshed.",
    )

    worker_host: str = Field(
        "127.0.0.1", validation_alias="WORKER_HOST", description="Address for health and metrics of a worker."
    )
    worker_port: int | None = Field(
        None,
        validation_alias="WORKER_PORT",
        ge=0,
        le=65535,
        description="Port for health and metrics of a worker; without it there is none.",
    )

    export_ttl_hours: float = Field(
        24.0,
        validation_alias="REPORTING_EXPORT_TTL_HOURS",
        gt=0,
        le=24 * 365,
        description="How long the file of an export is kept.",
    )
    exports_per_hour: int = Field(
        5,
        validation_alias="REPORTING_EXPORT_RATE_LIMIT_PER_HOUR",
        ge=1,
        description="Exports that one person may ask for in any hour.",
    )
    group_exports_per_hour: int = Field(
        20,
        validation_alias="REPORTING_EXPORT_RATE_LIMIT_PER_HOUR_AND_GROUP",
        ge=1,
        description="Exports about one group that all people together may ask for in any hour.",
    )
    export_retention_days: int = Field(
        90,
        validation_alias="REPORTING_EXPORT_RETENTION_DAYS",
        ge=1,
        le=3650,
        description="How long is remembered who asked for which export, after it is over and its file gone.",
    )
    max_report_mb: int = Field(
        50,
        validation_alias="MAX_REPORT_SIZE_MB",
        ge=1,
        le=10_000,
        description="Largest file of an export, in MiB; one that would be larger fails while it is written.",
    )
    max_concurrent_reports: int = Field(
        5,
        validation_alias="MAX_CONCURRENT_REPORTS",
        ge=1,
        description="Exports of one organization that are made at a time; others wait.",
    )
    reports_storage_path: Path | None = Field(
        None,
        validation_alias="REPORTS_STORAGE_PATH",
        description="Folder for the files of exports, one for gateways and workers; without it `exports` in the data directory.",
    )
    object_storage_bucket: str | None = Field(
        None,
        validation_alias="OBJECT_STORAGE_BUCKET",
        description="Bucket for the files of exports (S3), instead of a folder.",
    )
    object_storage_endpoint: str | None = Field(
        None,
        validation_alias="OBJECT_STORAGE_ENDPOINT",
        description="Where the bucket is, as workers and browsers reach it; without it AWS.",
    )
    object_storage_region: str = Field(
        "us-east-1", validation_alias="OBJECT_STORAGE_REGION", description="Region of the bucket."
    )
    object_storage_access_key: str | None = Field(
        None,
        validation_alias="OBJECT_STORAGE_ACCESS_KEY",
        repr=False,
        description="Key for the bucket; without it the credentials of the machine.",
    )
    object_storage_secret_key: SecretStr | None = Field(
        None, validation_alias="OBJECT_STORAGE_SECRET_KEY", description="Secret that belongs to the key."
    )
    object_storage_prefix: str | None = Field(
        None, validation_alias="OBJECT_STORAGE_PREFIX", description="What the names of objects begin with."
    )

    audit_retention_days: int | None = Field(
        None,
        validation_alias="AUDIT_RETENTION_DAYS",
        ge=1,
        le=36_500,
        description="For how many days the audit trail is kept; without it for ever.",
    )
    scheduled_exports_per_hour: int = Field(
        20,
        validation_alias="REPORTING_SCHEDULE_RATE_LIMIT_PER_HOUR",
        ge=1,
        description="Exports that the schedules of one person may make in any hour; further ones wait.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8005",
        validation_alias="SCOREGRAPH_PUBLIC_URL",
        description="Where people reach the gateway; links in messages begin with it.",
    )
    smtp_host: str | None = Field(
        None, validation_alias="SMTP_HOST", description="Mail server; without it nothing is sent by e-mail."
    )
    smtp_port: int = Field(587, validation_alias="SMTP_PORT", ge=1, le=65535, description="Port of the mail server.")
    smtp_username: str | None = Field(
        None,
        validation_alias="SMTP_USERNAME",
        repr=False,
        description="Name for the mail server; without it nobody signs in.",
    )
    smtp_password: SecretStr | None = Field(
        None, validation_alias="SMTP_PASSWORD", description="Password that belongs to the name."
    )
    smtp_from: str | None = Field(
        None, validation_alias="SMTP_FROM", description="Address that messages come from; needed with SMTP_HOST."
    )
    smtp_tls: MailSecurity = Field(
        MailSecurity.STARTTLS,
        validation_alias="SMTP_TLS",
        description="starttls refuses to go on without it, tls speaks it from the start (port 465), none is for servers on a "
        "network of one's own.",
    )
    email_domains: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="SCOREGRAPH_EMAIL_DOMAINS",
        description="Domains to whose every address reports may be sent, separated by commas; to others only where the address "
        "is that of somebody who may see what is in them.",
    )
    telegram_token: SecretStr | None = Field(
        None,
        validation_alias="TELEGRAM_BOT_TOKEN",
        description="Token of the bot that sends to Telegram; without it nothing is sent there.",
    )
    telegram_url: str = Field(
        "https://api.telegram.org", validation_alias="TELEGRAM_URL", description="Where the bot is spoken to."
    )

    kafka_brokers: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="KAFKA_BROKERS",
        description="Kafka brokers (`host:port`, separated by commas) whose topics bring events; without them the streams of "
        "REDIS_URL do.",
    )
    kafka_topics: Annotated[tuple[str, ...], NoDecode] = Field(
        ("user-events", "course-events", "assessment-events", "lab-events"),
        validation_alias="KAFKA_TOPICS",
        description="Topics of Kafka that bring events, separated by commas; one that begins with `^` is a pattern of names, such as "
        "`^school\\..*-events$`.",
    )
    kafka_client_id: str = Field(
        "scoregraph",
        validation_alias="KAFKA_CLIENT_ID",
        min_length=1,
        description="What workers call themselves to Kafka.",
    )
    kafka_group_id: str = Field(
        "scoregraph",
        validation_alias="KAFKA_GROUP_ID",
        min_length=1,
        description="The consumer group in which workers share the events of Kafka.",
    )

    alerts_file: Path | None = Field(
        None,
        validation_alias="ALERTS_FILE",
        description="Rules about how the platform runs, read by workers when they start; without it the `config/alerts.yaml` that "
        "comes with Scoregraph.",
    )
    alert_error_rate: float = Field(
        0.05,
        validation_alias="ALERT_THRESHOLD_ERROR_RATE",
        gt=0,
        le=1,
        description="From which share of failed requests on there is an alert, 0 to 1.",
    )
    alert_response_time_ms: float = Field(
        2000.0,
        validation_alias="ALERT_THRESHOLD_RESPONSE_TIME",
        gt=0,
        le=1e9,
        description="From how many milliseconds on, that 95 of 100 requests take at most, there is an alert.",
    )
    alert_emails: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="ALERT_EMAILS",
        repr=False,
        description="Addresses that alerts are sent to by e-mail, separated by commas.",
    )
    alert_slack_url: SecretStr | None = Field(
        None, validation_alias="ALERT_SLACK_URL", description="Incoming webhook of Slack that alerts are sent to."
    )
    alert_telegram_chat: str | None = Field(
        None,
        validation_alias="ALERT_TELEGRAM_CHAT",
        repr=False,
        description="Chat of Telegram that alerts are sent to.",
    )
    alert_webhook_url: SecretStr | None = Field(
        None, validation_alias="ALERT_WEBHOOK_URL", description="Webhook that alerts are sent to."
    )
    alert_webhook_secret: SecretStr | None = Field(
        None,
        validation_alias="ALERT_WEBHOOK_SECRET",
        description="Secret that they are signed with; needed with the URL.",
    )

    events_out: str = Field(
        "analytics-events",
        validation_alias="SCOREGRAPH_EVENTS_OUT",
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="The stream or Kafka topic that others are told of events in.",
    )
    stream_length: int = Field(
        100_000,
        validation_alias="SCOREGRAPH_STREAM_LENGTH",
        ge=1,
        description="About how many events that stream keeps; a topic keeps what it is told to.",
    )
    webhook_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (),
        validation_alias="SCOREGRAPH_WEBHOOK_NETWORKS",
        description="Networks that are not public but may be posted to by webhooks, such as `10.1.0.0/16`, separated by commas; with "
        "`127.0.0.0/8` also without TLS on this machine.",
    )

    metrics_retention_days: int = Field(
        90,
        validation_alias="METRICS_RETENTION_DAYS",
        ge=1,
        le=3650,
        description="How many days events and metrics of the platform are kept.",
    )
    metrics_aggregation_interval: int = Field(
        300,
        validation_alias="METRICS_AGGREGATION_INTERVAL",
        ge=60,
        le=900,
        multiple_of=60,
        description="Into stretches of how many seconds requests are put together when they are a day old; before, it is a minute.",
    )
    event_dropped_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (
            "email",
            "mail",
            "name",
            "username",
            "firstname",
            "lastname",
            "fullname",
            "surname",
            "nickname",
            "phone",
            "telephone",
            "mobile",
            "address",
            "ip",
            "ipv",
            "ipaddress",
            "token",
            "jwt",
            "apikey",
            "password",
            "passwd",
            "pwd",
            "secret",
            "authorization",
            "cookie",
            "sessionid",
            "ssn",
            "passport",
            "birthday",
            "birthdate",
            "dob",
        ),
        validation_alias="SCOREGRAPH_EVENT_DROPPED_KEYS",
        description="Words that may not be in the keys of an event's metadata, separated by commas: such keys are dropped, with "
        "what is in them, before anything is kept.",
    )

    user_progress_url: str | None = Field(
        None,
        validation_alias="USER_PROGRESS_SERVICE_URL",
        description="Service that knows people and labs; without it nothing is validated.",
    )
    user_progress_mode: UserProgressMode = Field(
        UserProgressMode.STRICT,
        validation_alias="USER_PROGRESS_MODE",
        description="strict refuses the unknown, defer parks them until they are known, off never asks.",
    )
    user_progress_cache_seconds: float = Field(
        300.0, validation_alias="USER_PROGRESS_CACHE_SECONDS", ge=0, description="How long a positive answer is kept."
    )
    user_progress_timeout: float = Field(
        2.0, validation_alias="USER_PROGRESS_TIMEOUT", gt=0, description="Longest wait for one answer."
    )

    cost: CostMode = Field(
        CostMode.ENFORCE,
        validation_alias="SCOREGRAPH_COST",
        description="enforce refuses operations that cost too much, measure only logs them, off counts nothing.",
    )
    cost_limit: Annotated[tuple[str, ...], NoDecode] = Field(
        ("STUDENT=5000", "TEACHER=50000", "MANAGER=50000", "ADMIN=200000", "SERVICE=200000"),
        validation_alias="SCOREGRAPH_COST_LIMIT",
        description="What one operation may cost, by role; roles that are left out keep the default.",
    )
    cost_per_minute: Annotated[tuple[str, ...], NoDecode] = Field(
        ("STUDENT=100000", "TEACHER=600000", "MANAGER=1200000", "ADMIN=3000000", "SERVICE=12000000"),
        validation_alias="SCOREGRAPH_COST_PER_MINUTE",
        description="What the operations of one caller may cost in a minute, by role; roles that are left out keep the default.",
    )
    documents: DocumentsMode = Field(
        DocumentsMode.APQ,
        validation_alias="SCOREGRAPH_DOCUMENTS",
        description="open runs any document, apq also keeps those that clients send with their hash, trusted runs only registered "
        "ones for roles other than ADMIN.",
    )
    introspection: str = Field(
        "open",
        validation_alias="SCOREGRAPH_INTROSPECTION",
        description="Who may ask for the schema: open (anybody), authenticated (whoever has a token), off, or roles separated by "
        "commas, such as `ADMIN,SERVICE`.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="SCOREGRAPH_CORS_ORIGINS",
        description="Other sites whose pages may ask, such as `https://app.example`, separated by commas; `*` is any.",
    )
    header_timeout: float = Field(
        10.0,
        validation_alias="SCOREGRAPH_HEADER_TIMEOUT",
        gt=0,
        description="How long a client may take to send the head of a request.",
    )
    body_timeout: float = Field(
        30.0,
        validation_alias="SCOREGRAPH_BODY_TIMEOUT",
        gt=0,
        description="How long a client may take to send the body of a request, or to take none of its answer.",
    )
    max_connections: int = Field(
        10_000,
        validation_alias="SCOREGRAPH_MAX_CONNECTIONS",
        ge=1,
        description="Connections at a time; whoever comes then is turned away with 503.",
    )
    live_operations: int = Field(
        100,
        validation_alias="SCOREGRAPH_LIVE_OPERATIONS",
        ge=1,
        description="Operations at a time on one WebSocket; further ones are refused, one by one.",
    )
    live_init_timeout: float = Field(
        10.0,
        validation_alias="SCOREGRAPH_LIVE_INIT_TIMEOUT",
        gt=0,
        description="How long a client may take to begin the conversation on a WebSocket (`connection_init`).",
    )
    live_heartbeat: float = Field(
        15.0,
        validation_alias="SCOREGRAPH_LIVE_HEARTBEAT",
        gt=0,
        description="How often a live connection without traffic shows that it is alive: a ping on a WebSocket, a comment on an "
        "event stream.",
    )
    live_patience: float = Field(
        15.0,
        validation_alias="SCOREGRAPH_LIVE_PATIENCE",
        gt=0,
        description="How long a live client may take nothing of what waits for it, or leave a ping unanswered, before it is hung "
        "up on.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        validation_alias="SCOREGRAPH_METRICS_TOKEN",
        description="Bearer token that Prometheus sends; without it whoever reaches the gateway may read its metrics.",
    )
    slow_seconds: float = Field(
        1.0,
        validation_alias="SCOREGRAPH_SLOW_SECONDS",
        gt=0,
        description="Operations that take longer are logged as warnings, with the hash of their document.",
    )
    otlp_endpoint: str | None = Field(
        None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Where traces are sent (OTLP over HTTP), with `pip install scoregraph[otel]`. Other `OTEL_` variables apply.",
    )
    log_level: str = Field("INFO", validation_alias="LOG_LEVEL", description="DEBUG, INFO, WARNING or ERROR.")
    log_format: str = Field("json", validation_alias="LOG_FORMAT", description="json or console.")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it looks like redis://host:6379/0")
        return value

    @field_validator("object_storage_endpoint")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("it looks like https://storage.example")
        return value

    @field_validator("public_url", "telegram_url")
    @classmethod
    def _base(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("it looks like https://scoregraph.example")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _able_to_send_mail(self) -> Self:
        if self.smtp_host is not None and self.smtp_from is None:
            raise ValueError("SMTP_HOST needs SMTP_FROM")
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("SMTP_USERNAME and SMTP_PASSWORD belong together")
        if self.smtp_username is not None and self.smtp_tls is MailSecurity.NONE:
            raise ValueError("SMTP_USERNAME needs SMTP_TLS: a password is never sent in the open")
        return self

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if (self.object_storage_access_key is None) != (self.object_storage_secret_key is None):
            raise ValueError("OBJECT_STORAGE_ACCESS_KEY and OBJECT_STORAGE_SECRET_KEY belong together")
        return self

    @model_validator(mode="after")
    def _signed_alerts(self) -> Self:
        if (self.alert_webhook_url is None) != (self.alert_webhook_secret is None):
            raise ValueError("ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET belong together")
        return self

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise ValueError(
                    "an origin is a scheme, a host and perhaps a port, in small letters: https://app.example"
                )
        return value

    @field_validator("cost_limit", "cost_per_minute")
    @classmethod
    def _costs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        roles = _by_role(cls.model_fields["cost_limit"].default)
        for entry in value:
            role, _, number = entry.partition("=")
            if role not in roles or not COST.fullmatch(number):
                raise ValueError(f"it looks like STUDENT=5000,TEACHER=50000; roles are {', '.join(roles)}")
        return value

    @property
    def cost_limits(self) -> dict[str, int]:
        """What one operation may cost, for every role."""
        return _by_role((*type(self).model_fields["cost_limit"].default, *self.cost_limit))

    @property
    def personal_words(self) -> frozenset[str]:
        """``event_dropped_keys`` in small letters."""
        return frozenset(word.casefold() for word in self.event_dropped_keys)

    @property
    def cost_budgets(self) -> dict[str, int]:
        """What the operations of one caller may cost in a minute, for every role."""
        return _by_role((*type(self).model_fields["cost_per_minute"].default, *self.cost_per_minute))

    @field_validator("kafka_topics")
    @classmethod
    def _topics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for topic in value:
            if topic.startswith("^"):
                try:
                    re.compile(topic)
                except re.error:
                    raise ValueError(f"{topic} is no pattern") from None
            elif not TOPIC.fullmatch(topic):
                raise ValueError(f"{topic} is no name of a topic; a pattern begins with ^")
        if not value:
            raise ValueError("name one topic or more")
        return value

    @field_validator(
        "jwt_algorithms",
        "cors_origins",
        "cost_limit",
        "cost_per_minute",
        "kafka_brokers",
        "event_dropped_keys",
        "alert_emails",
        "email_domains",
        "webhook_networks",
        "kafka_topics",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


def _by_role(entries: tuple[str, ...]) -> dict[str, int]:
    pairs = (entry.partition("=") for entry in entries)
    return {role: int(number) for role, _, number in pairs}

"""Bearer token → claims. Knows nothing of the database or of GraphQL.

A token is a JWS in compact form (RFC 7515, 7519), signed either by an identity provider that publishes its
keys (``JWT_JWKS_URL``) or with one shared secret (``JWT_SECRET``, HS256) on a one-box install. Whatever is
wrong with a token, the caller learns one of two sentences; which check failed is nobody's business but ours.

    AuthenticationError    the token is not good; safe to show
    ConfigurationError     the settings cannot work; for the operator, at start
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, OctKey, import_key
from joserfc.util import base64_to_int, urlsafe_b64decode

from settings import Settings

ASYMMETRIC_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"}
)
MAX_TOKEN_BYTES = 8 * 1024
MAX_NAME_LENGTH = 200
MIN_SECRET_BYTES = 32
LEEWAY_SECONDS = 30

JWKS_MAX_BYTES = 1024 * 1024
JWKS_TIMEOUT_SECONDS = 5.0
JWKS_MIN_INTERVAL_SECONDS = 30.0
"""Shortest time between two fetches, so that made-up key ids cannot turn us against the identity provider."""
JWKS_MAX_AGE_SECONDS = 600.0
"""After this long the set is read again in the background, so that a withdrawn key stops working."""

log = structlog.get_logger(__name__)


class ConfigurationError(Exception):
    """The settings of authentication cannot work. The message says what to set."""


class AuthenticationError(Exception):
    """The token is not good. The message is safe to show: no part of the token, no text of a library."""

    code: ClassVar[str] = "UNAUTHENTICATED"

    def __init__(self, message: str = "The token is not accepted.") -> None:
        super().__init__(message)


class Role(StrEnum):
    """What a person, or a service, may do in its organization."""

    STUDENT = "STUDENT"
    TEACHER = "TEACHER"
    MANAGER = "MANAGER"
    ADMIN = "ADMIN"
    SERVICE = "SERVICE"


_ROLES = {role.value: role for role in Role} | {"CURATOR": Role.TEACHER, "TEAM_LEAD": Role.TEACHER}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token says. Every text is 1 to 200 characters without NUL or lone surrogates."""

    organization: str
    """Slug of the organization (claim ``org``)."""
    subject: str
    """External id of the person in that organization (``sub``); a SERVICE's need not be a person's."""
    role: Role
    """STUDENT when the claim is missing or not known to us."""
    group_ids: tuple[str, ...] | None
    """External ids that narrow the groups of the roster; None when the token does not narrow them."""
    expires_at: datetime
    """UTC. What outlives a request, such as a stream, has to end here."""


class Keys(Protocol):
    """Where verification keys come from."""

    @property
    def algorithms(self) -> frozenset[str]: ...

    async def find(self, kid: str | None) -> Key | None:
        """Return the key of that id, None if there is none."""
        ...

    async def aclose(self) -> None: ...


class SharedSecret:
    """One secret of 32 bytes or more, HS256 only. A key id in the token means nothing here."""

    algorithms = frozenset({"HS256"})

    def __init__(self, secret: bytes) -> None:
        if len(secret) < MIN_SECRET_BYTES:
            raise ConfigurationError(f"JWT_SECRET is too short: it needs {MIN_SECRET_BYTES} bytes or more.")
        try:
            self.key = OctKey.import_key(secret)
        except ValueError:
            raise ConfigurationError(
                "JWT_SECRET holds a public key, which is no secret: publish it as a JWKS, set JWT_JWKS_URL."
            ) from None

    async def find(self, kid: str | None) -> Key:
        return self.key

    async def aclose(self) -> None:
        pass


class PublishedKeys:
    """The JWKS of an identity provider at an http, https or file URL.

    Read when first needed, when a token names an unknown key (at most every 30 s) and in the background every
    ten minutes. One reader at a time, others wait for it. When reading fails the keys at hand stay in force.
    """

    def __init__(self, url: str, algorithms: Iterable[str], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.algorithms = frozenset(algorithms)
        if not self.algorithms or not self.algorithms <= ASYMMETRIC_ALGORITHMS:
            raise ConfigurationError(
                f"JWT_ALGORITHMS may name, beside a JWKS, only {', '.join(sorted(ASYMMETRIC_ALGORITHMS))}."
            )
        place = urlsplit(url)
        remote = place.scheme in {"http", "https"} and place.hostname
        local = place.scheme == "file" and place.netloc in {"", "localhost"} and place.path
        if not (remote or local):
            raise ConfigurationError("JWT_JWKS_URL must be an http, https or file URL.")
        self._url = url
        self._path = Path(url2pathname(place.path)) if local else None
        self._monotonic = monotonic
        self._keys: dict[str, Key] = {}
        self._asked_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> Key | None:
        if kid is None:
            return None
        key = self._keys.get(kid)
        reading = self._read_if_due(JWKS_MIN_INTERVAL_SECONDS if key is None else JWKS_MAX_AGE_SECONDS)
        if key is None and reading is not None:
            # Shielded: one impatient caller must not take the answer from the others.
            await asyncio.shield(reading)
            key = self._keys.get(kid)
        return key

    async def aclose(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _read_if_due(self, interval: float) -> asyncio.Task[None] | None:
        if self._reading is not None and not self._reading.done():
            return self._reading
        now = self._monotonic()
        if now - self._asked_at < interval:
            return None
        self._asked_at = now
        self._reading = asyncio.create_task(self._read())
        return self._reading

    async def _read(self) -> None:
        try:
            self._keys = _usable_keys(await self._document())
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            # Only the kind: the text could hold the URL, and the URL a password.
            log.warning("jwks_not_read", error=type(error).__name__, keys_kept=len(self._keys))

    async def _document(self) -> bytes:
        if self._path is not None:
            return await asyncio.to_thread(self._path.read_bytes)
        document = bytearray()
        async with (
            asyncio.timeout(JWKS_TIMEOUT_SECONDS),
            httpx.AsyncClient(timeout=JWKS_TIMEOUT_SECONDS) as client,
            client.stream("GET", self._url, headers={"Accept": "application/json"}) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise ValueError("no key set there")
            async for chunk in response.aiter_bytes():
                document += chunk
                if len(document) > JWKS_MAX_BYTES:
                    raise ValueError("key set too large")
        return bytes(document)


class TokenVerifier:
    """Verifies tokens by the settings: a JWKS or a shared secret, one of them.

    Raises ConfigurationError when the settings name neither, both, or something that cannot work.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = _keys_of(settings, monotonic)
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._clock = clock

    async def verify(self, token: str) -> Claims:
        """Return what the token says. Raises AuthenticationError, and nothing else, when it is not good."""
        payload = await signed_payload(token, self._keys)
        now = self._clock().timestamp()
        try:
            claims = self._read(_json_object(payload), now)
        except ValueError:
            raise AuthenticationError from None
        # Last, so that only the holder of an otherwise good token learns of its age.
        if claims.expires_at.timestamp() <= now:
            raise AuthenticationError("The token has expired.")
        return claims

    async def aclose(self) -> None:
        await self._keys.aclose()

    def _read(self, claims: dict[str, Any], now: float) -> Claims:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if not all(isinstance(name, str) for name in audiences) or self._audience not in audiences:
            raise ValueError("aud")
        if claims.get("iss") != self._issuer:
            raise ValueError("iss")
        for name in ("nbf", "iat"):
            if name in claims and _instant(claims[name]) > now + LEEWAY_SECONDS:
                raise ValueError(name)
        return Claims(
            organization=_name(claims.get("org")),
            subject=_name(claims.get("sub")),
            role=_role(claims.get("role", Role.STUDENT)),
            group_ids=_names(claims["group_ids"]) if "group_ids" in claims else None,
            expires_at=datetime.fromtimestamp(_instant(claims.get("exp")), UTC),
        )


async def signed_payload(token: str, keys: Keys) -> bytes:
    """Return the payload of a compact JWS that one of ``keys`` signed.

    The key is chosen by ``kid`` alone: what a header brings along (``jwk``, ``jku``, ``x5u``, ``x5c``) is
    never looked at, ``crit`` and ``b64`` are refused. Raises AuthenticationError.
    """
    if len(token) > MAX_TOKEN_BYTES or not token.isascii() or token.count(".") != 2:
        raise AuthenticationError
    try:
        # Read before the library does: it would take duplicate keys, other encodings and endless nesting.
        header = _json_object(urlsafe_b64decode(token.partition(".")[0].encode()))
    except ValueError:
        raise AuthenticationError from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in keys.algorithms or {"crit", "b64"} & header.keys():
        raise AuthenticationError
    if kid is not None and not isinstance(kid, str):
        raise AuthenticationError
    key = await keys.find(kid)
    if key is None:
        raise AuthenticationError
    try:
        return jws.deserialize_compact(token, key, registry=_registry(algorithm)).payload
    except (JoseError, ValueError):
        raise AuthenticationError from None


def bearer(header: str | None) -> str | None:
    """Return the token of an ``Authorization`` header value, None if it brings no bearer token.

    What follows the scheme is handed on as it is: a mangled token is to be refused, not taken for none.
    """
    scheme, _, token = (header or "").strip(" \t").partition(" ")
    return (token.strip(" \t") or None) if scheme.lower() == "bearer" else None


def mint(
    settings: Settings,
    *,
    organization: str,
    subject: str,
    role: Role,
    group_ids: Iterable[str] | None = None,
    lifetime: timedelta,
    now: datetime | None = None,
) -> str:
    """Sign a token with the shared secret, for development. ``now`` has a zone; by default it is the clock's.

    Raises ConfigurationError without a shared secret, ValueError for what ``TokenVerifier`` would refuse.
    """
    if lifetime <= timedelta(0):
        raise ValueError("A token lives for more than no time.")
    issued_at = now or datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "org": _name(organization),
        "sub": _name(subject),
        "role": role.value,
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + lifetime).timestamp()),
    }
    if group_ids is not None:
        claims["group_ids"] = _names(list(group_ids))
    token = jwt.encode({"alg": "HS256"}, claims, SharedSecret(_secret(settings)).key, ["HS256"])
    if len(token) > MAX_TOKEN_BYTES:
        raise ValueError("Too many groups for one token.")
    return token


def _keys_of(settings: Settings, monotonic: Callable[[], float]) -> Keys:
    secret = _secret(settings)
    if settings.jwt_jwks_url and secret:
        raise ConfigurationError("Set JWT_JWKS_URL or JWT_SECRET, not both.")
    if settings.jwt_jwks_url:
        return PublishedKeys(settings.jwt_jwks_url, settings.jwt_algorithms, monotonic=monotonic)
    if secret:
        return SharedSecret(secret)
    raise ConfigurationError(
        "Set JWT_JWKS_URL to where your identity provider publishes its keys, or JWT_SECRET to a secret of "
        f"{MIN_SECRET_BYTES} bytes or more."
    )


def _secret(settings: Settings) -> bytes:
    return settings.jwt_secret.get_secret_value().encode() if settings.jwt_secret else b""


def _registry(algorithm: str) -> jws.JWSRegistry:
    # Headers unknown to us are ignored, as RFC 7515 section 4 wants; those that matter were checked before.
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_signature_length = MAX_TOKEN_BYTES
    return registry


def _json_object(text: bytes) -> dict[str, Any]:
    """Parse strict JSON in UTF-8: an object, no key twice, no NaN. Raises ValueError."""
    try:
        value = json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key comes twice")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _name(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME_LENGTH or "\0" in value:
        raise ValueError("not a name")
    value.encode()  # A lone surrogate raises UnicodeEncodeError, which is a ValueError.
    return value


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("not a list of names")
    return tuple(dict.fromkeys(map(_name, value)))


def _instant(value: object) -> float:
    """Return seconds since 1970, up to the year 9999, which keeps infinities out as well."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 253_402_300_799:
        raise ValueError("not an instant")
    return value


def _role(value: object) -> Role:
    if not isinstance(value, str):
        raise ValueError("not a role")
    # Only ASCII: elsewhere two spellings can fold into one ("ſ" into "S").
    return _ROLES.get(value.upper(), Role.STUDENT) if value.isascii() else Role.STUDENT


def _usable_keys(document: bytes) -> dict[str, Key]:
    """Return the keys of a JWKS by their id; those that cannot be trusted to verify with are left out.

    Raises ValueError when the document is no JWKS.
    """
    entries = _json_object(document).get("keys")
    if not isinstance(entries, list):
        raise ValueError("not a key set")
    usable = [(entry["kid"], key) for entry in entries if (key := _usable_key(entry)) is not None]
    times = Counter(kid for kid, _ in usable)
    # Two keys of one id leave open which is meant.
    keys = {kid: key for kid, key in usable if times[kid] == 1}
    if len(keys) < len(entries):
        log.warning("jwks_keys_left_out", left_out=len(entries) - len(keys), usable=len(keys))
    return keys


def _usable_key(entry: Any) -> Key | None:
    try:
        if entry["kty"] not in {"RSA", "EC", "OKP"} or not isinstance(entry["kid"], str):
            return None
        if entry.get("use", "sig") != "sig" or "verify" not in entry.get("key_ops", ["verify"]):
            return None
        if "d" in entry:  # A private key that was published is no longer anyone's alone.
            return None
        if entry["kty"] == "RSA" and not _is_sound_modulus(base64_to_int(entry["n"])):
            return None
        return import_key(entry)
    except Exception:
        # Whatever is wrong with one key must not hide the others.
        return None


_ROCA_PRIMES = [n for n in range(3, 168) if all(n % divisor for divisor in range(2, n))]
_ROCA_RESIDUES = {prime: {pow(65537, k, prime) for k in range(prime)} for prime in _ROCA_PRIMES}


def _is_sound_modulus(modulus: int) -> bool:
    """Tell whether an RSA modulus has 2048 to 8192 bits and no ROCA fingerprint (CVE-2017-15361)."""
    if not 2048 <= modulus.bit_length() <= 8192:
        return False
    return any(modulus % prime not in residues for prime, residues in _ROCA_RESIDUES.items())

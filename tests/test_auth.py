"""Tokens good and bad, against real keys and a real key server."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey, import_key
from pydantic import SecretStr

from auth import (
    JWKS_MAX_AGE_SECONDS,
    JWKS_MIN_INTERVAL_SECONDS,
    AuthenticationError,
    Claims,
    ConfigurationError,
    PublishedKeys,
    Role,
    SharedSecret,
    TokenVerifier,
    bearer,
    mint,
    signed_payload,
)
from settings import Settings

SECRET = "a secret for tests of 32+ bytes, truly"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
T = int(NOW.timestamp())
REFUSED = "The token is not accepted."
EXPIRED = "The token has expired."
WYCHEPROOF = Path(__file__).parents[2] / "shared/data/corpora/wycheproof_jws.json"


def keyed(key: type[Any], size: int | str, kid: str) -> Any:
    return key.generate_key(size, parameters={"kid": kid, "use": "sig"})


RSA_1 = keyed(RSAKey, 2048, "rsa-1")
RSA_2 = keyed(RSAKey, 2048, "rsa-2")
EC_1 = keyed(ECKey, "P-256", "ec-1")


def good(**changes: Any) -> dict[str, Any]:
    claims = {"iss": "scoregraph", "aud": "scoregraph", "sub": "ada", "org": "acme", "exp": T + 600} | changes
    return {name: value for name, value in claims.items() if value is not ...}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(claims: dict[str, Any], key: Key, alg: str, **header: Any) -> str:
    if key.kid:
        header = {"kid": key.kid} | header
    return jwt.encode({"alg": alg, **header}, claims, key, [alg])


def raw(payload: bytes, header: bytes = b'{"alg":"HS256"}', secret: str = SECRET) -> str:
    """An HS256 token of exactly these bytes."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def hs(claims: dict[str, Any]) -> str:
    return raw(json.dumps(claims).encode())


def key_set(*keys: Key) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def shared_secret(**changes: Any) -> TokenVerifier:
    return TokenVerifier(Settings(jwt_secret=SecretStr(SECRET), **changes), clock=lambda: NOW)


async def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(AuthenticationError) as caught:
        await verifier.verify(token)
    assert caught.value.code == "UNAUTHENTICATED"
    return str(caught.value)


class KeyServer(ThreadingHTTPServer):
    """Serves ``body`` with ``status`` after ``delay`` seconds and counts how often it was asked."""

    daemon_threads = True

    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), KeyServerHandler)
        self.body, self.status, self.delay, self.asked = body, 200, 0.0, 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/jwks.json"


class KeyServerHandler(BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
        self.server.asked += 1
        time.sleep(self.server.delay)
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        pass


class Monotonic:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer(key_set(RSA_1, EC_1)) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
async def verifier(server: KeyServer, monotonic: Monotonic) -> AsyncIterator[TokenVerifier]:
    verifier = TokenVerifier(Settings(jwt_jwks_url=server.url), clock=lambda: NOW, monotonic=monotonic)
    yield verifier
    await verifier.aclose()


# Good tokens


async def test_claims_of_a_shared_secret_token() -> None:
    claims = await shared_secret().verify(hs(good(role="teacher", group_ids=["g2", "g1", "g2"])))
    assert claims == Claims("acme", "ada", Role.TEACHER, ("g2", "g1"), NOW + timedelta(seconds=600))


@pytest.mark.parametrize(("key", "alg"), [(RSA_1, "RS256"), (EC_1, "ES256")])
async def test_published_keys(verifier: TokenVerifier, key: Key, alg: str) -> None:
    claims = await verifier.verify(sign(good(aud=["other", "scoregraph"]), key, alg))
    assert (claims.organization, claims.subject, claims.group_ids) == ("acme", "ada", None)


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512", "Ed25519"])
async def test_every_algorithm_that_may_be_configured(tmp_path: Path, alg: str) -> None:
    curves = {"ES384": "P-384", "ES512": "P-521"}
    key: Key = RSA_1
    if alg.startswith("E"):
        key = keyed(ECKey if alg in curves else OKPKey, curves.get(alg, alg), "k")
    (tmp_path / "jwks.json").write_bytes(key_set(key))
    url = (tmp_path / "jwks.json").as_uri()
    verifier = TokenVerifier(Settings(jwt_jwks_url=url, jwt_algorithms=(alg,)), clock=lambda: NOW)
    assert (await verifier.verify(sign(good(), key, alg))).subject == "ada"
    default = TokenVerifier(Settings(jwt_jwks_url=url), clock=lambda: NOW)
    assert await refusal(default, sign(good(), key, alg)) == REFUSED


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("MANAGER", Role.MANAGER),
        ("admin", Role.ADMIN),
        ("Service", Role.SERVICE),
        ("curator", Role.TEACHER),
        ("TEAM_LEAD", Role.TEACHER),
        ("root", Role.STUDENT),
        ("", Role.STUDENT),
        ("ADMIN ", Role.STUDENT),
        ("ſervice", Role.STUDENT),
        (..., Role.STUDENT),
    ],
)
async def test_roles(said: Any, role: Role) -> None:
    assert (await shared_secret().verify(hs(good(role=said)))).role is role


async def test_unknown_headers_and_a_long_header_are_no_reason_to_refuse() -> None:
    header = json.dumps({"alg": "HS256", "typ": "JWT", "note": "x" * 1500}).encode()
    assert (await shared_secret().verify(raw(json.dumps(good()).encode(), header))).subject == "ada"


async def test_clocks_may_differ_by_half_a_minute() -> None:
    await shared_secret().verify(hs(good(nbf=T + 30, iat=T + 29.5)))


async def test_minted_tokens_verify() -> None:
    settings, hour = Settings(jwt_secret=SecretStr(SECRET)), timedelta(hours=1)
    bob: Any = {"organization": "acme", "subject": "bob", "role": Role.ADMIN, "lifetime": hour}
    token = mint(settings, **bob, group_ids=[], now=NOW)
    assert await shared_secret().verify(token) == Claims("acme", "bob", Role.ADMIN, (), NOW + hour)
    with pytest.raises(ValueError, match="name"):
        mint(settings, **bob | {"subject": ""})
    with pytest.raises(ValueError, match="more than no time"):
        mint(settings, **bob | {"lifetime": timedelta(0)})
    with pytest.raises(ValueError, match="Too many groups"):
        mint(settings, **bob, group_ids=[f"group {n}" for n in range(1000)])
    with pytest.raises(ConfigurationError, match="JWT_SECRET"):
        mint(Settings(), **bob)


# Claims that are refused


async def test_expiry_is_told_only_of_an_otherwise_good_token() -> None:
    verifier = shared_secret()
    assert await refusal(verifier, hs(good(exp=T))) == EXPIRED
    assert await refusal(verifier, raw(json.dumps(good(exp=T)).encode(), secret=SECRET + "!")) == REFUSED
    assert await refusal(verifier, hs(good(exp=T, iss="other"))) == REFUSED
    assert await refusal(verifier, hs(good(exp=T, role=1))) == REFUSED


WEIRD = [None, True, 1, 1.5, [], {}, ["x", 1], {"x": 1}, "", "x" * 201, "a\0b", "\ud800"]


@pytest.mark.parametrize(
    "changes",
    [
        *({name: value} for name in ("sub", "org") for value in [*WEIRD, ...]),
        *({name: value} for name in ("iss", "aud") for value in [*WEIRD, ..., "Scoregraph", "scoregraph "]),
        *({"exp": value} for value in [None, True, "9999999999", [], {}, -1, 10**30, ...]),
        *({name: v} for name in ("nbf", "iat") for v in [None, False, str(T), [T], -5, 10**400, T + 31]),
        *({"role": value} for value in [None, True, 3, ["ADMIN"], {"ADMIN": 1}]),
        *({"group_ids": value} for value in [None, True, "g1", {"g1": 1}, [1], [""], ["\ud800"], [["g1"]]]),
    ],
    ids=repr,
)
async def test_malformed_claims(changes: dict[str, Any]) -> None:
    assert await refusal(shared_secret(), hs(good(**changes))) == REFUSED


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        json.dumps(good()).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(good()).encode(),
        json.dumps(good()).encode()[:-1] + b', "sub": "eve"}',
        json.dumps(good()).encode()[:-1] + b', "x": {"y": 1, "y": 2}}',
        json.dumps(good(exp=float("nan"))).encode(),
        json.dumps(good(exp=float("inf"))).encode(),
        json.dumps(good(exp="@")).replace('"@"', "1e999").encode(),
        json.dumps(good(exp="@")).replace('"@"', "9" * 5000).encode(),
        json.dumps(good(x="@")).replace('"@"', "[" * 2500 + "]" * 2500).encode(),
        json.dumps(good(sub="\xff")).encode("latin-1").replace(b"\\u00ff", b"\xff"),
    ],
)
async def test_payloads_that_are_not_strict_json(payload: bytes) -> None:
    assert await refusal(shared_secret(), raw(payload)) == REFUSED


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=6,
)
TEXT_WITH_SURROGATES = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)


@budget(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "sub", "org", "exp", "nbf", "iat", "role", "group_ids"]),
        JSON_VALUES | TEXT_WITH_SURROGATES | st.lists(TEXT_WITH_SURROGATES),
    )
)
async def test_random_claims_are_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        claims = await shared_secret().verify(hs(good(**changes)))
    except AuthenticationError:
        pass
    else:
        for name in (claims.organization, claims.subject, *(claims.group_ids or ())):
            assert 1 <= len(name.encode()) <= 800
            assert "\0" not in name


@budget(max_examples=300, deadline=None)
@given(
    st.text()
    | st.binary().map(lambda header: raw(b"{}", header))
    | st.dictionaries(st.sampled_from(["alg", "kid", "jwk", "x5u", "x5c", "typ", "crit", "b64"]), JSON_VALUES).map(
        lambda header: raw(json.dumps(good()).encode(), json.dumps({"alg": "HS256", **header}).encode())
    )
)
async def test_random_tokens_and_headers_are_read_or_refused(token: str) -> None:
    with contextlib.suppress(AuthenticationError):
        await shared_secret().verify(token)


# Attacks on the signature


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
async def test_no_algorithm(verifier: TokenVerifier, alg: str) -> None:
    header, payload = {"alg": alg, "kid": "rsa-1"}, good()
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    for token in (f"{signed}.", f"{signed}.e30"):
        assert await refusal(verifier, token) == REFUSED
        assert await refusal(shared_secret(), token) == REFUSED


@pytest.mark.parametrize("encoding", ["PEM", "DER"])
async def test_a_public_key_is_no_secret(verifier: TokenVerifier, encoding: Literal["PEM", "DER"]) -> None:
    header = json.dumps({"alg": "HS256", "kid": "rsa-1"}).encode()
    signed = f"{b64(header)}.{b64(json.dumps(good()).encode())}"
    public = RSA_1.as_bytes(encoding, private=False)
    token = f"{signed}.{b64(hmac.digest(public, signed.encode(), hashlib.sha256))}"
    assert await refusal(verifier, token) == REFUSED
    if encoding == "PEM":
        with pytest.raises(ConfigurationError, match="public key"):
            TokenVerifier(Settings(jwt_secret=SecretStr(public.decode())))


async def test_wrong_key_and_wrong_algorithm_for_the_key(verifier: TokenVerifier) -> None:
    impostor = RSAKey.generate_key(2048, parameters={"kid": "rsa-1"})
    assert await refusal(verifier, sign(good(), impostor, "RS256")) == REFUSED
    assert await refusal(verifier, sign(good(), RSA_1, "RS256", kid="ec-1")) == REFUSED
    assert await refusal(verifier, sign(good(), RSA_1, "PS256")) == REFUSED
    assert await refusal(shared_secret(), sign(good(), RSA_1, "RS256")) == REFUSED
    long = OctKey.import_key(SECRET)
    assert await refusal(shared_secret(), jwt.encode({"alg": "HS512"}, good(), long, ["HS512"])) == REFUSED


async def test_a_token_brings_no_keys(verifier: TokenVerifier, server: KeyServer) -> None:
    eve = RSAKey.generate_key(2048)
    own = eve.as_dict(private=False)
    for header in ({"jwk": own}, {"jku": server.url}, {"x5u": server.url}, {"jwk": own, "kid": "rsa-1"}):
        assert await refusal(verifier, sign(good(), eve, "RS256", **header)) == REFUSED
    # Beside a good signature it is of no interest.
    await verifier.verify(sign(good(), RSA_1, "RS256", jwk=own))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": None},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"b64": True},
        {"alg": None},
        {"alg": ["HS256"]},
        {"alg": {"HS256": 1}},
        {"kid": 1},
        {"kid": ["a"]},
    ],
    ids=repr,
)
async def test_critical_and_malformed_headers(header: dict[str, Any]) -> None:
    token = raw(json.dumps(good()).encode(), json.dumps({"alg": "HS256", **header}).encode())
    assert await refusal(shared_secret(), token) == REFUSED


@pytest.mark.parametrize("header", [b"", b"null", b'["alg"]', b'{"alg":"none","alg":"HS256"}', b"[" * 5000])
async def test_headers_that_are_no_objects(header: bytes) -> None:
    assert await refusal(shared_secret(), raw(json.dumps(good()).encode(), header)) == REFUSED


async def test_shapes_that_are_no_jws() -> None:
    verifier, token = shared_secret(), hs(good())
    await verifier.verify(token)
    header, payload, signature = token.split(".")
    broken = ["", ".", "..", "a.b", f"{token}.", f"{token}.e30.e30", f"{token}=", f" {token}", f"{token}\n"]
    broken += [f"{header}.{payload}.", f"{header}..{signature}", f".{payload}.{signature}", token[:-2]]
    broken += ["é.é.é", "\ud800.a.b", json.dumps({"payload": payload, "protected": header})]
    for one in broken:
        assert await refusal(verifier, one) == REFUSED


async def test_tokens_over_8_kib() -> None:
    fits = hs(good(x="y" * 5900))
    await shared_secret().verify(fits)
    assert len(fits) < 8192
    assert await refusal(shared_secret(), hs(good(x="y" * 6100))) == REFUSED


async def test_refusals_repeat_nothing_of_the_token() -> None:
    with pytest.raises(AuthenticationError) as caught:
        await shared_secret().verify(hs(good(sub="Geheimnis\0")))
    assert "Geheimnis" not in repr(caught.value)
    assert caught.value.__suppress_context__


# The key server


async def test_unknown_key_ids_cause_one_fetch_in_half_a_minute(
    verifier: TokenVerifier, server: KeyServer, monotonic: Monotonic
) -> None:
    await verifier.verify(sign(good(), RSA_1, "RS256"))
    stranger = [sign(good(), RSA_2, "RS256", kid=f"made-up-{n}") for n in range(20)]
    monotonic.now += JWKS_MIN_INTERVAL_SECONDS - 0.1
    for token in stranger:
        assert await refusal(verifier, token) == REFUSED
    assert server.asked == 1
    monotonic.now += 0.1
    for token in stranger:
        assert await refusal(verifier, token) == REFUSED
    assert server.asked == 2


async def test_a_token_without_a_key_id_causes_no_fetch(verifier: TokenVerifier, server: KeyServer) -> None:
    anonymous = jwt.encode({"alg": "RS256"}, good(), RSA_1, ["RS256"])
    assert await refusal(verifier, anonymous) == REFUSED
    assert server.asked == 0


async def test_many_at_once_share_one_fetch(verifier: TokenVerifier, server: KeyServer) -> None:
    server.delay = 0.1
    token = sign(good(), EC_1, "ES256")
    waiting = [asyncio.create_task(verifier.verify(token)) for _ in range(20)]
    await asyncio.sleep(0.02)
    waiting[0].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Claims) for answer in answers[1:])
    assert server.asked == 1


async def test_keys_rotate(verifier: TokenVerifier, server: KeyServer, monotonic: Monotonic) -> None:
    old, new = sign(good(), RSA_1, "RS256"), sign(good(), RSA_2, "RS256")
    await verifier.verify(old)
    assert await refusal(verifier, new) == REFUSED
    server.body = key_set(RSA_2)
    monotonic.now += JWKS_MIN_INTERVAL_SECONDS
    await verifier.verify(new)
    assert await refusal(verifier, old) == REFUSED


async def test_a_withdrawn_key_stops_working(verifier: TokenVerifier, server: KeyServer, monotonic: Monotonic) -> None:
    token = sign(good(), RSA_1, "RS256")
    await verifier.verify(token)
    server.body = key_set(EC_1)
    monotonic.now += JWKS_MAX_AGE_SECONDS
    async with asyncio.timeout(5):
        while True:
            try:
                await verifier.verify(token)
            except AuthenticationError:
                break
            await asyncio.sleep(0.01)
    assert server.asked == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (302, b"{}"),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": {}}'),
        (200, b"[" * 100_000),
        (200, b" " * 1_100_000 + b'{"keys": []}'),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_a_failing_server_leaves_the_keys_in_force(
    verifier: TokenVerifier, server: KeyServer, monotonic: Monotonic, status: int, body: bytes
) -> None:
    await verifier.verify(sign(good(), RSA_1, "RS256"))
    server.status, server.body = status, body
    monotonic.now += JWKS_MIN_INTERVAL_SECONDS
    assert await refusal(verifier, sign(good(), RSA_2, "RS256")) == REFUSED
    assert server.asked == 2
    await verifier.verify(sign(good(), RSA_1, "RS256"))


async def test_a_server_that_is_down_at_first(server: KeyServer, monotonic: Monotonic) -> None:
    port = server.server_port
    with ThreadingHTTPServer(("127.0.0.1", 0), KeyServerHandler) as closed:
        closed_port = closed.server_port
    url = f"http://127.0.0.1:{closed_port}/"
    verifier = TokenVerifier(Settings(jwt_jwks_url=url), clock=lambda: NOW, monotonic=monotonic)
    assert port != closed_port
    assert await refusal(verifier, sign(good(), RSA_1, "RS256")) == REFUSED
    await verifier.aclose()


async def test_one_bad_key_does_not_hide_the_others(tmp_path: Path) -> None:
    sound = EC_1.as_dict(private=False)
    other = RSA_2.as_dict(private=False)
    entries: list[Any] = [
        *(None, 1, [], {}, {"kty": ["EC"], "kid": "a"}, {**sound, "kid": "b", "crv": "P-999"}),
        *({**other, "kid": 7}, {**other, "kid": "enc", "use": "enc"}),
        {**other, "kid": "wrap", "key_ops": ["wrapKey"]},
        {name: value for name, value in other.items() if name != "kid"},
        {**RSA_2.as_dict(private=True), "kid": "private"},
        *({**other, "kid": "twice"}, {**sound, "kid": "twice"}),
        {"kty": "oct", "kid": "oct", "k": b64(SECRET.encode())},
        {"kty": "AKP", "kid": "pq", "pub": ""},
        OKPKey.generate_key("X25519", parameters={"kid": "x25519"}).as_dict(private=False),
        sound,
    ]
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": entries}))
    url = (tmp_path / "jwks.json").as_uri()
    settings = Settings(jwt_jwks_url=url, jwt_algorithms=("RS256", "ES256", "Ed25519"))
    verifier = TokenVerifier(settings, clock=lambda: NOW)
    await verifier.verify(sign(good(), EC_1, "ES256"))
    for kid in ("enc", "wrap", "private", "twice", "rsa-2", "oct", "pq"):
        assert await refusal(verifier, sign(good(), RSA_2, "RS256", kid=kid)) == REFUSED
    assert await refusal(verifier, sign(good(), EC_1, "ES256", kid="twice")) == REFUSED
    edwards = OKPKey.generate_key("Ed25519")
    assert await refusal(verifier, sign(good(), edwards, "Ed25519", kid="x25519")) == REFUSED


# Settings


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "Set JWT_JWKS_URL .* or JWT_SECRET"),
        ({"jwt_secret": SecretStr("")}, "Set JWT_JWKS_URL .* or JWT_SECRET"),
        ({"jwt_secret": SecretStr("x" * 31)}, "32 bytes"),
        ({"jwt_secret": SecretStr(SECRET), "jwt_jwks_url": "http://idp/"}, "not both"),
        ({"jwt_jwks_url": "http://idp/", "jwt_algorithms": ("RS256", "HS256")}, "JWT_ALGORITHMS"),
        ({"jwt_jwks_url": "http://idp/", "jwt_algorithms": ("none",)}, "JWT_ALGORITHMS"),
        ({"jwt_jwks_url": "http://idp/", "jwt_algorithms": ()}, "JWT_ALGORITHMS"),
        ({"jwt_jwks_url": "ftp://idp/"}, "http, https or file"),
        ({"jwt_jwks_url": "idp.example/keys"}, "http, https or file"),
        ({"jwt_jwks_url": "file://elsewhere/keys"}, "http, https or file"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        TokenVerifier(Settings(**settings))
    assert "xxx" not in str(caught.value)


def test_32_bytes_are_counted_not_characters() -> None:
    TokenVerifier(Settings(jwt_secret=SecretStr("é" * 16)))


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer  ", None),
        ("Basic YTpi", None),
        ("BearerX abc", None),
        ("Bearer abc", "abc"),
        ("bearer   abc ", "abc"),
        ("BEARER a b", "a b"),
    ],
)
def test_bearer(header: str | None, token: str | None) -> None:
    assert bearer(header) == token


# Wycheproof


class Anomaly(NamedTuple):
    verifies: bool
    reason: str


SAME_BYTES = Anomaly(True, "called invalid, but byte for byte vector 357, which is called valid")
NOT_BASE64URL = Anomaly(False, "called valid with a ? in the base64url, against RFC 7515 section 2")
OTHER_ALGORITHM = Anomaly(False, "called valid, but signed with PS384 by a key that says it is for PS256")
ANOMALIES = {
    367: SAME_BYTES,
    370: SAME_BYTES,
    372: NOT_BASE64URL,
    373: NOT_BASE64URL,
    346: OTHER_ALGORITHM,
    350: OTHER_ALGORITHM,
}
"""Vectors of json_web_signature_test.json whose verdict is not ours, and why."""


def wycheproof() -> list[Any]:
    if not WYCHEPROOF.exists():
        return [pytest.param("", {}, {}, marks=pytest.mark.skip(reason=f"no vectors at {WYCHEPROOF}"))]
    return [
        pytest.param(file, group, test, id=f"{file}-{test['tcId']}-{test['comment']}")
        for file, content in json.loads(WYCHEPROOF.read_text())["data"].items()
        for group in content["testGroups"]
        for test in group["tests"]
    ]


async def payload_or_refusal(token: str, keys: PublishedKeys | SharedSecret) -> bytes | None:
    try:
        return await signed_payload(token, keys)
    except AuthenticationError:
        return None


@pytest.mark.parametrize(("file", "group", "vector"), wycheproof())
async def test_wycheproof(file: str, group: dict[str, Any], vector: dict[str, Any], tmp_path: Path) -> None:
    jwk = group.get("public", group["private"])
    entries = jwk.get("keys", [jwk])
    token = vector.get("jws", vector.get("jwe"))
    token = token if isinstance(token, str) else json.dumps(token)
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": entries}))
    algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
    payload = await payload_or_refusal(token, PublishedKeys(jwks.as_uri(), algorithms))
    symmetric = [entry for entry in entries if entry["kty"] == "oct"]
    if symmetric:
        assert payload is None, "a published secret was taken for a key"
    if len(symmetric) == len(entries) == 1 and symmetric[0]["alg"] == "HS256":
        try:
            keys = SharedSecret(base64.urlsafe_b64decode(symmetric[0]["k"] + "=="))
        except ConfigurationError:
            assert vector["result"] == "invalid"
            return
        payload = await payload_or_refusal(token, keys)
    supported = len(entries) == 1 and entries[0].get("alg") in {*algorithms, "HS256"}
    called_valid, anomaly = vector["result"] == "valid", None
    if file == "json_web_signature_test.json":
        anomaly = ANOMALIES.get(vector["tcId"])
    if called_valid and supported if anomaly is None else anomaly.verifies:
        assert payload is not None
        assert b64(payload) == token.split(".")[1]
    else:
        assert payload is None


def test_every_wycheproof_key_can_be_imported_by_the_library() -> None:
    """Guards the test above: a refusal there is of the vector, not of all keys."""
    if not WYCHEPROOF.exists():
        pytest.skip(f"no vectors at {WYCHEPROOF}")
    groups = json.loads(WYCHEPROOF.read_text())["data"]["json_web_signature_test.json"]["testGroups"]
    assert all(import_key(group.get("public", group["private"])) for group in groups)

"""Tokens: each claim, each time, each trick, by a clock that the test sets."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from matcher.domain.errors import InvalidValueError
from server.access.key_set import KeySetFile, KeySetUrl, read_key_set
from server.access.refusal import UnauthenticatedError
from server.access.role import Role
from server.access.tokens import TokenRules, Tokens
from tests.contract.api_target import HandClock
from tests.scenarios import NOW_US
from tests.scenarios.access_folder import AUDIENCE, ISSUER, AccessFolder

NOW_S = NOW_US // 1_000_000
SKEW_US = 30_000_000


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> AccessFolder:
    """Make the keys of an issuer."""
    return AccessFolder(tmp_path_factory.mktemp("access"))


@pytest.fixture
def tokens(access: AccessFolder) -> Tokens:
    """Take the issuer's tokens."""
    source = KeySetFile(access.folder / "jwks.json")
    return Tokens(source, TokenRules(ISSUER, AUDIENCE, SKEW_US))


async def cause(tokens: Tokens, token: str, now_us: int = NOW_US) -> str:
    """Return why a token opens nothing."""
    with pytest.raises(UnauthenticatedError) as refused:
        await tokens.caller(token, now_us)
    assert len(token) < 8 or token not in str(refused.value)
    return refused.value.cause


def made(access: AccessFolder, **claims: object) -> str:
    """Make a token that holds for ten minutes from the test's noon on."""
    return access.token(**{"iat": NOW_S, "exp": NOW_S + 600, "roles": "read", **claims})


async def test_a_token_names_its_caller(access: AccessFolder, tokens: Tokens):
    """Roles as a list or as one text, the audience alone or among others."""
    for roles in (["read", "operate"], "operate read"):
        token = made(access, roles=roles, aud=["shop", AUDIENCE])
        caller = await tokens.caller(token, NOW_US)
        assert caller.subject == "token:tester"
        assert caller.tenant == "default"
        assert caller.roles == {Role.READ, Role.OPERATE}


async def test_the_other_key_of_the_issuer_is_known_too(
    access: AccessFolder, tokens: Tokens
):
    """A curve's key without `alg` signs by the algorithm of its kind."""
    claims = jwt.decode(made(access), options={"verify_signature": False})
    token = jwt.encode(claims, access.curve, "ES256", headers={"kid": "curve"})
    assert (await tokens.caller(token, NOW_US)).has(Role.READ)
    other = jwt.encode(claims, access.signing, "RS256", headers={"kid": "curve"})
    assert await cause(tokens, other) == "algorithm"


async def test_times_hold_to_the_microsecond_of_the_skew(
    access: AccessFolder, tokens: Tokens
):
    """Thirty seconds late is just too late, thirty early just in time."""
    end_us = (NOW_S + 600) * 1_000_000
    token = made(access)
    assert await tokens.caller(token, end_us + SKEW_US - 1)
    assert await cause(tokens, token, end_us + SKEW_US) == "expired"
    for name in ("nbf", "iat"):
        early = made(access, **{name: NOW_S + 30})
        assert await tokens.caller(early, NOW_US)
        assert await cause(tokens, early, NOW_US - 1) == "early"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"aud": "shop"}, "audience"),
        ({"aud": None}, "claims"),
        ({"iss": "https://other"}, "issuer"),
        ({"iss": None}, "claims"),
        ({"exp": None}, "claims"),
        ({"exp": "tomorrow"}, "claims"),
        ({"exp": True}, "claims"),
        ({"exp": 1e400}, "claims"),
        ({"nbf": [1]}, "claims"),
        ({"sub": None}, "claims"),
        ({"tenant": None}, "claims"),
        ({"tenant": ""}, "claims"),
        ({"tenant": ["default"]}, "claims"),
        ({"roles": None}, "claims"),
        ({"roles": []}, "claims"),
        ({"roles": "root"}, "claims"),
        ({"roles": ["read", 4]}, "claims"),
        ({"roles": {"admin": True}}, "claims"),
    ],
)
async def test_a_claim_that_is_wrong_opens_nothing(
    access: AccessFolder, tokens: Tokens, claims: dict[str, object], expected: str
):
    """Each of them alone."""
    assert await cause(tokens, made(access, **claims)) == expected


async def test_headers_do_not_choose_the_key_or_the_algorithm(
    access: AccessFolder, tokens: Tokens
):
    """A key of the token's own, an unknown one, and headers that must be understood."""
    claims = jwt.decode(made(access), options={"verify_signature": False})
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    own_jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key()))

    def signed(**headers: Any) -> str:
        return jwt.encode(claims, own, "RS256", headers=headers)

    assert await cause(tokens, signed(kid="rsa", jwk=own_jwk)) == "signature"
    assert await cause(tokens, signed(kid="rsa", jku="https://x")) == "signature"
    assert await cause(tokens, signed(kid="../jwks")) == "unknown"
    assert await cause(tokens, signed()) == "unknown"
    critical = jwt.encode(
        claims, access.signing, "RS256", headers={"kid": "rsa", "crit": ["x"]}
    )
    assert await cause(tokens, critical) in {"unsupported", "malformed"}
    for text in ("", ".", "a.b", "a.b.c", "a.b.c.d", "\x00", "é.é.é"):
        assert await cause(tokens, text) == "malformed"


def test_only_sets_of_public_keys_are_read(access: AccessFolder):
    """No secrets, no weak keys, no key twice, and at least one that is of use."""
    good, curve = access.key_set()["keys"]
    weak_key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
    weak = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(weak_key.public_key()))
    private = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(access.signing))
    shared = {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}
    unused = [
        {**good, "kid": "enc", "use": "enc"},
        {**weak, "kid": "weak"},
        {**good, "kid": "odd", "alg": "HS256"},
        {"kty": "NEW", "kid": "new"},
        {name: value for name, value in curve.items() if name != "kid"},
    ]
    found = read_key_set(json.dumps({"keys": [good, curve, *unused]}).encode())
    assert set(found.by_id) == {"rsa", "curve"}
    for wrong in (
        [good, shared],
        [{**private, "kid": "private"}],
        [good, good],
        unused,
        [],
        ["key"],
        [good] * 101,
    ):
        with pytest.raises(InvalidValueError, match="jwt_key_set"):
            read_key_set(json.dumps({"keys": wrong}).encode())
    for raw in (b"", b"[]", b"{}", b'{"keys": 1}', b"[" * 100_000):
        with pytest.raises(InvalidValueError, match="jwt_key_set"):
            read_key_set(raw)


class Issuer:
    """An issuer's server on this machine; what it says can be changed."""

    def __init__(self) -> None:
        self.document: object = {}
        self.status = 200
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                raw = json.dumps(outer.document).encode()
                self.send_response(outer.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Answer until the end."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


async def test_keys_at_a_url_follow_the_issuer(access: AccessFolder):
    """
    A token with a new key is taken once the issuer tells of it.

    It is asked again for an unknown key, ten seconds after the last time at the
    earliest; when it fails, or sends elsewhere, its last keys stay.
    """
    clock, issuer = HandClock(), Issuer()
    good, curve = access.key_set()["keys"]
    with issuer.running():
        source = KeySetUrl(issuer.url, 3_600, clock=clock)
        tokens = Tokens(source, TokenRules(ISSUER, AUDIENCE, SKEW_US))
        token = made(access)
        issuer.document = {"keys": [curve]}
        assert await cause(tokens, token) == "unknown"
        assert await cause(tokens, token) == "unknown"
        assert issuer.asked == 1, "not by each call of whoever invents keys"
        issuer.document = {"keys": [good]}
        clock.now_us += 10_000_000
        assert await tokens.caller(token, NOW_US)
        for status, document in ((500, {}), (302, {}), (200, {"keys": []})):
            issuer.status, issuer.document = status, document
            clock.now_us += 10_000_000
            asked = issuer.asked
            await source.renewed()
            assert issuer.asked == asked + 1
            assert await tokens.caller(token, NOW_US)


async def test_keys_at_a_url_are_there_soon_after_the_start(access: AccessFolder):
    """Nobody has to send a token first; and it ends when it is told to."""
    issuer = Issuer()
    issuer.document = access.key_set()
    with issuer.running():
        source = KeySetUrl(issuer.url, 3_600)
        source.start()
        for _ in range(500):
            if source.keys().by_id:
                break
            await asyncio.sleep(0.01)
        assert set(source.keys().by_id) == {"rsa", "curve"}
        await source.stop()


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com/keys",
        "ftp://127.0.0.1/keys",
        "https://user:secret@id.example.com/keys",
        "https:///keys",
        "file:///etc/keys",
    ],
)
async def test_keys_come_from_safe_places_only(url: str):
    """In the clear from this machine alone; and no password is told."""
    with pytest.raises(InvalidValueError, match="jwt_key_set") as refused:
        KeySetUrl(url, 300)
    assert "secret" not in str(refused.value)


async def test_a_key_set_in_a_file_has_to_be_there(tmp_path: Path):
    """A server does not start without it."""
    with pytest.raises(InvalidValueError, match="jwt_key_set"):
        KeySetFile(tmp_path / "nowhere.json")

"""A token is verified once, and never holds for longer than it would without that."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from server.access.key_set import KeySet, KeySetFile, read_key_set
from server.access.refusal import UnauthenticatedError
from server.access.tokens import TokenRules, Tokens
from server.access.verified_tokens import VerifiedTokens
from tests.scenarios import NOW_US
from tests.scenarios.access_folder import AUDIENCE, ISSUER, AccessFolder

NOW_S = NOW_US // 1_000_000
END_US = (NOW_S + 600) * 1_000_000
SKEW_US = 30_000_000
RULES = TokenRules(ISSUER, AUDIENCE, SKEW_US)


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> AccessFolder:
    """Make the keys of an issuer."""
    return AccessFolder(tmp_path_factory.mktemp("access"))


class Keys:
    """A key set that tests change."""

    def __init__(self, document: dict[str, object]) -> None:
        self.document = document
        self.read()

    def read(self) -> None:
        """Read it anew, as a changed file or a URL is."""
        self._keys = read_key_set(json.dumps(self.document).encode())

    def keys(self) -> KeySet:
        """Return the keys as they are known now."""
        return self._keys

    async def renewed(self) -> KeySet:
        """Return the same."""
        return self._keys


@pytest.fixture
def keys(access: AccessFolder) -> Keys:
    """Give the issuer's keys."""
    return Keys(access.key_set())


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every token whose signature is verified."""
    noted: list[str] = []
    decode = jwt.decode

    def noting(token: str, *arguments: object, **options: object) -> object:
        noted.append(token)
        return decode(token, *arguments, **options)

    monkeypatch.setattr(jwt, "decode", noting)
    return noted


def made(access: AccessFolder, **claims: object) -> str:
    """Make a token that holds for ten minutes from the test's noon on."""
    return access.token(**{"iat": NOW_S, "exp": NOW_S + 600, "roles": "read", **claims})


async def cause(tokens: Tokens, token: str, now_us: int = NOW_US) -> str:
    """Return why a token opens nothing."""
    with pytest.raises(UnauthenticatedError) as refused:
        await tokens.caller(token, now_us)
    return refused.value.cause


async def test_a_token_is_verified_once(
    access: AccessFolder, keys: Keys, verified: list[str]
):
    """The second call costs no signature, and is the same caller's."""
    tokens = Tokens(keys, RULES)
    one, other = made(access), made(access, sub="other")
    first = await tokens.caller(one, NOW_US)
    for _ in range(3):
        assert await tokens.caller(one, NOW_US) is first
    assert (await tokens.caller(other, NOW_US)).subject == "token:other"
    assert verified == [one, other]


async def test_one_that_is_remembered_ends_to_the_microsecond(
    access: AccessFolder, keys: Keys
):
    """It holds until its end and the skew, and not then; nor before it has begun.

    A clock that was set back is no way to begin earlier.
    """
    tokens = Tokens(keys, RULES)
    token = made(access, nbf=NOW_S)
    assert await tokens.caller(token, NOW_US)
    assert await tokens.caller(token, END_US + SKEW_US - 1)
    assert await cause(tokens, token, END_US + SKEW_US) == "expired"
    assert await cause(tokens, token, END_US + SKEW_US + 1) == "expired"
    assert await tokens.caller(token, NOW_US - SKEW_US)
    assert await cause(tokens, token, NOW_US - SKEW_US - 1) == "early"


async def test_a_key_that_is_taken_back_takes_its_tokens_along(
    access: AccessFolder, keys: Keys, verified: list[str]
):
    """
    The next call is refused, though the token was verified and has not expired.

    So is one whose key's name another key has now. The same keys read again cost a
    signature each, and no more.
    """
    tokens = Tokens(keys, RULES)
    token = made(access)
    assert await tokens.caller(token, NOW_US)
    rsa, curve = access.key_set()["keys"]

    keys.document = {"keys": [curve]}
    keys.read()
    assert await cause(tokens, token) == "unknown"
    keys.document = {"keys": [{**curve, "kid": "rsa"}]}
    keys.read()
    assert await cause(tokens, token) == "algorithm"
    assert len(verified) == 1

    keys.document = {"keys": [rsa, curve]}
    keys.read()
    for _ in range(3):
        assert await tokens.caller(token, NOW_US)
    assert len(verified) == 2


async def test_a_key_set_in_a_file_is_gone_with_the_next_look(
    access: AccessFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What is remembered does not outlive the second that a file may be old."""
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(access.key_set()))
    source = KeySetFile(file)
    tokens = Tokens(source, RULES)
    token = made(access)
    assert await tokens.caller(token, NOW_US)
    file.write_text(json.dumps({"keys": access.key_set()["keys"][1:]}))
    looked_us = source._file._looked_us
    monkeypatch.setattr(source._file, "_clock", lambda: looked_us + 999_999)
    assert await tokens.caller(token, NOW_US)
    monkeypatch.setattr(source._file, "_clock", lambda: looked_us + 1_000_000)
    assert await cause(tokens, token) == "unknown"


async def test_no_other_text_is_taken_for_one_that_is_remembered(
    access: AccessFolder, keys: Keys
):
    """
    One character in another place of the alphabet, anywhere, opens nothing.

    The last character of a part is left out: its lowest bits carry nothing, so another
    one may say the same.
    """
    tokens = Tokens(keys, RULES)
    token = made(access)
    assert await tokens.caller(token, NOW_US)
    ends = {at - 1 for at, each in enumerate(token) if each == "."} | {len(token) - 1}
    tried = [at for at in range(len(token)) if at not in ends][::7]
    assert len(tried) > 50
    for at in tried:
        changed = "A" if token[at] != "A" else "B"
        assert await cause(tokens, token[:at] + changed + token[at + 1 :])
    for text in (token[:-1], token + "A", f" {token}", token.upper()):
        assert await cause(tokens, text)


async def test_the_one_that_was_not_asked_for_longest_goes(
    access: AccessFolder, keys: Keys, verified: list[str]
):
    """Three are remembered here; a fourth takes the place of the second."""
    known = VerifiedTokens(3)
    tokens = Tokens(keys, RULES, known)
    one, two, three, four = (made(access, sub=f"s{number}") for number in range(4))
    for token in (one, two, three, one, four):
        await tokens.caller(token, NOW_US)
    assert verified == [one, two, three, four]
    assert len(known) == 3
    for token in (one, three, four):
        await tokens.caller(token, NOW_US)
    assert len(verified) == 4
    await tokens.caller(two, NOW_US)
    assert verified[4:] == [two]


async def test_what_is_refused_is_not_remembered(
    access: AccessFolder, keys: Keys, verified: list[str]
):
    """Neither as good nor as bad: nobody fills the memory with what opens nothing."""
    known = VerifiedTokens()
    tokens = Tokens(keys, RULES, known)
    for claims in (
        {"aud": "shop"},
        {"tenant": None},
        {"roles": []},
        {"exp": NOW_S - 31},
    ):
        token = made(access, **claims)
        for _ in range(2):
            assert await cause(tokens, token)
    assert len(verified) == 8
    assert len(known) == 0
    # Gone once it is over, and not only refused.
    good = made(access)
    await tokens.caller(good, NOW_US)
    assert len(known) == 1
    assert await cause(tokens, good, END_US + SKEW_US) == "expired"
    assert len(known) == 0

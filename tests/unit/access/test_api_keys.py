"""Keys: made, found again by their secret alone, revoked, and a file that is whole."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from matcher.domain.errors import InvalidValueError, NotFoundError
from server.access.api_key_file import ApiKeyFile, KeyOrder, lifetime_us
from server.access.api_keys import ApiKeys, read_keys
from server.access.refusal import UnauthenticatedError
from server.access.role import Role
from tests.scenarios import NOW_US

HOUR_US = 3_600_000_000
ORDER = KeyOrder("brand", ("read", "submit"), "order system", HOUR_US)


@pytest.fixture
def file(tmp_path: Path) -> ApiKeyFile:
    """Return a file of keys that is not there yet."""
    return ApiKeyFile(tmp_path / "keys.json", "ann")


def stored(file: ApiKeyFile) -> ApiKeys:
    """Read it as a server does."""
    return read_keys(file.path.read_bytes())


def cause(keys: ApiKeys, key: str, now_us: int = NOW_US) -> str:
    """Return why a key opens nothing."""
    with pytest.raises(UnauthenticatedError) as refused:
        keys.caller(key, now_us)
    return refused.value.cause


def test_a_key_opens_what_it_was_made_for(file: ApiKeyFile):
    """Tenant and roles are those of the order, and the subject has no secret."""
    key = file.create(ORDER, NOW_US)
    caller = stored(file).caller(key, NOW_US)
    assert caller.tenant == "brand"
    assert caller.roles == {Role.READ, Role.SUBMIT}
    assert caller.subject == f"key:{key.split('_')[1]}"


def test_the_file_has_no_secret_and_is_for_its_owner(file: ApiKeyFile):
    """Who reads it cannot call, and nobody else reads it."""
    key = file.create(ORDER, NOW_US)
    assert key.split("_", 2)[2] not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_any_other_secret_opens_nothing(file: ApiKeyFile):
    """Neither one that differs in a letter, nor that of another key, nor half a one."""
    key, other = file.create(ORDER, NOW_US), file.create(ORDER, NOW_US)
    keys = stored(file)
    last = "A" if key[-1] != "A" else "B"
    assert cause(keys, key[:-1] + last) == "unknown"
    assert cause(keys, key[:20] + other[20:]) == "unknown"
    assert cause(keys, f"ntk_{'a' * 16}_{'A' * 43}") == "unknown"
    for text in (key[:-1], key + "A", key.upper(), f"{key} ", "ntk_", key + "\n"):
        assert cause(keys, text) == "malformed"


def test_a_key_ends_to_the_microsecond(file: ApiKeyFile):
    """It holds until just before its expiry."""
    key = file.create(ORDER, NOW_US)
    keys = stored(file)
    assert keys.caller(key, NOW_US + HOUR_US - 1)
    assert cause(keys, key, NOW_US + HOUR_US) == "expired"


def test_a_revoked_key_says_who_and_when(file: ApiKeyFile):
    """The first revocation stays; one that is not there is named."""
    key = file.create(ORDER, NOW_US)
    key_id = key.split("_")[1]
    first = file.revoke(key_id, NOW_US + 1)
    again = ApiKeyFile(file.path, "bob").revoke(key_id, NOW_US + 2)
    assert again == first
    assert first.revoked_by == "ann"
    assert cause(stored(file), key) == "revoked"
    with pytest.raises(NotFoundError):
        file.revoke("b" * 16, NOW_US)


def test_keys_made_at_once_are_all_there(file: ApiKeyFile):
    """Eight threads, forty keys: none is lost between reading and writing."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: file.create(ORDER, NOW_US), range(40)))
    keys = stored(file)
    assert {keys.caller(key, NOW_US).subject for key in made} == {
        f"key:{key_id}" for key_id in keys.by_id
    }
    assert len(keys.by_id) == 40


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (KeyOrder("brand", ()), "roles"),
        (KeyOrder("brand", ("owner",)), "roles"),
        (KeyOrder("", ("read",)), "tenant"),
    ],
)
def test_an_order_out_of_range_leaves_the_file(
    file: ApiKeyFile, order: KeyOrder, field: str
):
    """The error names the field, and what was there stays."""
    file.create(ORDER, NOW_US)
    before = file.path.read_bytes()
    with pytest.raises(InvalidValueError, match=field):
        file.create(order, NOW_US)
    assert file.path.read_bytes() == before


def test_a_file_that_is_none_of_ours_is_refused(file: ApiKeyFile):
    """Whatever is wrong with it: no key is better than half of them."""
    file.create(ORDER, NOW_US)
    document = msgspec.json.decode(file.path.read_bytes())
    (key,) = document["keys"]
    for wrong in (
        {"keys": [key, key]},
        {"keys": [{**key, "secret_sha256": "ab"}]},
        {"keys": [{**key, "roles": ["root"]}]},
        {"keys": [{**key, "key_id": "a_b"}]},
        {"keys": [{**key, "created_time": "2026-01-01T00:00:00"}]},
        {"keys": [{**key, "secret": "x"}]},
        {"kees": []},
        [],
    ):
        with pytest.raises(InvalidValueError):
            read_keys(msgspec.json.encode(wrong))
    with pytest.raises(InvalidValueError):
        read_keys(b"{")


@pytest.mark.parametrize(
    ("text", "hours"), [("1h", 1), ("90d", 2160), ("99999d", 2399976)]
)
def test_lifetimes_are_hours_and_days(text: str, hours: int):
    """Whole numbers of either."""
    assert lifetime_us(text) == hours * HOUR_US


@pytest.mark.parametrize("text", ["", "0d", "1", "1w", "-1d", "1.5h", "100000d"])
def test_other_lifetimes_are_refused(text: str):
    """With the field and what is accepted."""
    with pytest.raises(InvalidValueError, match="expires"):
        lifetime_us(text)

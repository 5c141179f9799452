"""Pages: their sizes, and tokens that continue one list only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId
from nearturn.v1 import network_pb2
from server.access import caller
from server.access.local_callers import LocalCallers
from server.api.paging import (
    PAGE_BYTES_MAX,
    after_key,
    page_of,
    page_size,
    page_token,
)


@pytest.fixture(autouse=True)
def _of_a_call() -> Iterator[None]:
    # Tokens are of the tenant of the call. A test of asyncio has a context of its own,
    # these share one: what comes behind them must find nobody in it.
    before = caller._CALLER.set(LocalCallers([TenantId("default")]).caller(()))
    yield
    caller._CALLER.reset(before)


@pytest.mark.parametrize(
    ("requested", "size"), [(0, 100), (1, 1), (1_000, 1_000), (1_001, 1_000)]
)
def test_sizes_are_clamped(requested: int, size: int):
    """0 is the default of 100, and more than 1,000 is 1,000 (AIP-158)."""
    assert page_size(requested) == size


def test_a_token_gives_its_key_back():
    """Ids of any characters survive the way through a token."""
    for key in ("d1", "\U0001f600" * 128, "a b/c", "7"):
        assert after_key("ListDemands 1", page_token("ListDemands 1", key)) == key


def test_the_longest_token_passes_the_contract():
    """The token of the longest id is within the 1,024 characters of the schema."""
    assert len(page_token("ListDemands 1", "\U0001f600" * 128)) <= 1_024


def test_no_token_starts_at_the_beginning():
    """An empty token continues after nothing."""
    assert after_key("ListDemands", "") == ""


def test_a_token_is_of_one_listing():
    """Another method or filter refuses it, naming the field it came in."""
    token = page_token("ListDemands 1", "d1")
    for listing in ("ListDemands 2", "ListReturns 1", "ListDemands"):
        with pytest.raises(InvalidValueError) as raised:
            after_key(listing, token, "cursor")
        assert raised.value.violations[0].field == "cursor"


def test_a_token_is_of_one_tenant():
    """Its places are places in a list that the other one does not see (I9)."""
    token = page_token("ListDemands", "d1")
    caller._CALLER.set(LocalCallers([TenantId("other")]).caller(()))
    with pytest.raises(InvalidValueError, match="to the same tenant"):
        after_key("ListDemands", token)


def test_every_changed_character_is_noticed():
    """No single character of a token can be changed, left out or doubled."""
    token = page_token("ListDemands", "demand-1")
    wrong = {token[:at] + token[at + 1 :] for at in range(len(token))}
    wrong |= {token[:at] + token[at] + token[at:] for at in range(len(token))}
    wrong |= {
        token[:at] + other + token[at + 1 :]
        for at in range(len(token))
        for other in "A_z\u00e9 "
        if other != token[at]
    }
    for each in wrong:
        with pytest.raises(InvalidValueError):
            after_key("ListDemands", each)


def _areas(count: int, size: int) -> list[network_pb2.ServiceArea]:
    return [
        network_pb2.ServiceArea(service_area_id=str(number), geojson="x" * size)
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "size", "entries", "token"),
    [
        (0, 1, 0, ""),
        (4, 1, 4, ""),
        (5, 1, 4, "3"),
        (2, PAGE_BYTES_MAX, 1, "0"),
        (1, 2 * PAGE_BYTES_MAX, 1, ""),
        (4, PAGE_BYTES_MAX // 2, 1, "0"),
        (4, PAGE_BYTES_MAX // 2 - 100, 2, "1"),
    ],
    ids=[
        "nothing",
        "exactly full",
        "one more",
        "one fills it",
        "one too large",
        "two are just too much",
        "two just fit",
    ],
)
def test_pages_end_by_count_or_by_bytes(
    count: int, size: int, entries: int, token: str
):
    """Four entries or 3 MiB, whichever comes first, but never none."""
    page, found = page_of(
        _areas(count, size), 4, lambda area: area, lambda area: area.service_area_id
    )
    assert (len(page), found) == (entries, token)

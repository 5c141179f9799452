"""Etags by version and by content."""

from __future__ import annotations

import pytest

from matcher.domain.errors import VersionMismatchError
from matcher.domain.etag import check_etag, content_etag
from tests.scenarios import warehouse


def test_only_a_stale_etag_is_refused() -> None:
    """The current one and none at all pass; another is named beside the current one."""
    check_etag("match", "m-1", "3", "")
    check_etag("match", "m-1", "3", "3")
    with pytest.raises(VersionMismatchError, match="has etag '3', not '2'"):
        check_etag("match", "m-1", "3", "2")


def test_content_has_the_etag_of_its_value() -> None:
    """Equal warehouses have equal ones, and one metre is a difference."""
    assert content_etag(warehouse("w1", 5)) == content_etag(warehouse("w1", 5))
    assert content_etag(warehouse("w1", 5)) != content_etag(warehouse("w1", 6))

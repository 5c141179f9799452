"""A server that is told to publish, and cannot: it does not start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from matcher.domain.errors import InvalidValueError
from server.config import Settings, load_settings
from server.main import Server


def _settings(folder: Path, **more: str) -> Settings:
    return load_settings(
        store_url=f"sqlite:///{folder / 'store.db'}",
        insecure=True,
        nats_url="nats://127.0.0.1:4222",
        **more,
    )


async def _refused(settings: Settings) -> InvalidValueError:
    with pytest.raises(InvalidValueError) as caught:
        await Server(settings).start()
    return caught.value


async def test_credentials_that_are_not_there_are_named(tmp_path: Path) -> None:
    """Before the store is opened or made: nothing has been touched."""
    missing = tmp_path / "nats.creds"
    error = await _refused(_settings(tmp_path, nats_credentials=str(missing)))
    assert [each.field for each in error.violations] == ["nats_credentials"]
    assert "a file that exists" in str(error)
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - a folder of a test


async def test_without_the_extra_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has not installed the client of the broker is told how."""
    monkeypatch.delitem(sys.modules, "server.events.nats_sink", raising=False)
    monkeypatch.setitem(sys.modules, "nats.errors", None)
    error = await _refused(_settings(tmp_path))
    assert "nearturn[nats]" in str(error)

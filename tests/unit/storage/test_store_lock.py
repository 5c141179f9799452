"""The lock beside a database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from matcher.domain.errors import UnavailableError
from server.storage.store_lock import StoreLock


def test_second_holder_is_refused(tmp_path: Path) -> None:
    """While it is held nobody else gets it, this process included; later they do."""
    path = tmp_path / "store.db"
    first = StoreLock(path)
    with pytest.raises(UnavailableError, match=rf"store {path}: .*{os.getpid()} has"):
        StoreLock(path)
    first.release()
    StoreLock(path).release()
    assert not path.exists()


def test_longer_number_of_an_earlier_holder_is_gone(tmp_path: Path) -> None:
    """The file holds the number of the present holder and nothing behind it."""
    lock_path = tmp_path / "store.db.lock"
    lock_path.write_text("4194304999\nmore\n")
    lock = StoreLock(tmp_path / "store.db")
    assert lock_path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_folder_has_to_exist(tmp_path: Path) -> None:
    """The message names the folder that is missing, and none is made."""
    folder = tmp_path / "missing"
    with pytest.raises(UnavailableError, match=f"{folder} is no folder"):
        StoreLock(folder / "store.db")
    assert not folder.exists()


def test_lock_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A folder in its place stands for whatever the system says no to."""
    (tmp_path / "store.db.lock").mkdir()
    with pytest.raises(UnavailableError, match=r"store\.db\.lock: Is a directory"):
        StoreLock(tmp_path / "store.db")

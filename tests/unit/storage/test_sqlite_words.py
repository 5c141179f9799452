"""What is said of a file that cannot be read, and of one that is damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.storage.sqlite_words import is_not_read, words_of


def _error(tmp_path: Path) -> sqlite3.DatabaseError:
    # The file ends within the page that the only row is on.
    path = tmp_path / "short.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
    path.write_bytes(path.read_bytes()[:4_096])
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.DatabaseError) as caught,
    ):
        connection.execute("SELECT x FROM t").fetchall()
    return caught.value


def test_malformed_is_said_with_what_else_it_may_mean(tmp_path: Path) -> None:
    """SQLite has one word for damage and for a disk that does not read."""
    assert words_of(_error(tmp_path)) == (
        "database disk image is malformed, or a read of it failed: "
        "see the system's log for its disk"
    )


def test_other_trouble_is_said_as_it_is_in_one_line() -> None:
    """Of another code, or of another database, whose texts have line breaks."""
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(sqlite3.OperationalError) as caught,
    ):
        connection.execute("SELECT x FROM t")
    assert words_of(caught.value) == "no such table: t"
    assert words_of(OSError("server closed\n\tthe connection")) == (
        "server closed the connection"
    )


@pytest.mark.parametrize(
    ("fault", "is_it"),
    [
        ("*** in main ***\nPage 36: unable to get the page. error code=8458", 1),
        ("Page 36: unable to get the page. error code=266", 1),
        ("Page 36: unable to get the page. error code=11", 0),
        ("Tree 2 page 36: btreeInitPage() returns error code 11", 0),
        ("row 7 missing from index demands_open", 0),
    ],
)
def test_pages_that_were_not_read_are_told_from_damaged_ones(
    fault: str, is_it: int
) -> None:
    """SQLITE_IOERR, 10, in the lowest byte of the code; SQLITE_CORRUPT is 11."""
    assert is_not_read(fault) == bool(is_it)

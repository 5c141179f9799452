"""What SQLite says of its trouble, with what it leaves out about reads that fail."""

from __future__ import annotations

import re
import sqlite3

# An extended code of SQLite has the plain one in its lowest byte.
_PLAIN = 0xFF

# A line of a check about a page that could not be read: SQLite tells no damage then,
# but what the system answered. (A file that is too short reads as zeros instead.)
_NOT_READ = re.compile(r"unable to get the page\. error code=(\d+)")


def words_of(error: BaseException) -> str:
    """
    Return what an error says, in one line.

    SQLite says "malformed" of a page that the system could not read just as of one that
    is damaged, and whoever believes it gives up a sound store: so both are said.
    """
    # libpq spreads what it says over lines.
    words = " ".join(str(error).split())
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & _PLAIN != sqlite3.SQLITE_CORRUPT:
        return words
    return f"{words}, or a read of it failed: see the system's log for its disk"


def is_not_read(fault: str) -> bool:
    """Return whether a fault that a check lists is a page that could not be read."""
    found = _NOT_READ.search(fault)
    return found is not None and int(found[1]) & _PLAIN == sqlite3.SQLITE_IOERR

"""Files that are cut or have a bit flipped: the last good commit, or a refusal."""

from __future__ import annotations

import random
import shutil
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from matcher.domain.errors import UnavailableError
from server.storage.codec import StoredDocumentError
from server.storage.opening import open_store
from server.storage.sqlite_database import SqliteParams
from server.storage.store_check import check_store
from tests.fault.numbered_commits import commit_number, last_commit
from tests.scenarios.stored_life import live_in

_COMMITS = 4

# A log is a header of 32 bytes, then frames of a header of 24 and a page.
_LOG_HEADER = 32
_FRAME_HEADER = 24
_PAGE = 4_096
_FRAME = _FRAME_HEADER + _PAGE

#: Bytes in a frame worth a cut or a flip: its page number, its salt, and the middle and
#: the end of its page.
_IN_FRAME = (0, 8, 2_000, _FRAME - 1)


@dataclass
class Torn:
    """A store with a log, as a power cut may leave it, to be spoiled and opened."""

    folder: Path
    database: bytes
    log: bytes
    # Size of the log after each commit; the database holds the first.
    ends: list[int]

    def opened(self, log: bytes, database: bytes | None = None) -> int | None:
        """Return the last commit of a store of these bytes; ``None`` if refused."""
        path = self.folder / "torn.db"
        for old in self.folder.glob("torn.db*"):
            old.unlink()
        path.write_bytes(self.database if database is None else database)
        path.with_name("torn.db-wal").write_bytes(log)
        try:
            params = SqliteParams(checks_integrity=database is not None)
            with closing(open_store(f"sqlite:///{path}", params)) as store:
                return last_commit(store)
        except UnavailableError:
            return None

    def good(self, size: int) -> int:
        """Return the last commit that is whole in so many bytes of the log."""
        return 1 + sum(1 for end in self.ends[1:] if end <= size)

    @property
    def frames(self) -> range:
        """Where the frames of the last transaction begin."""
        return range(self.ends[-2], self.ends[-1], _FRAME)


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Torn:
    """Return a store whose first commit is in the database and three in the log."""
    folder = tmp_path_factory.mktemp("torn")
    path = folder / "store.db"
    log = path.with_name("store.db-wal")
    with closing(open_store(f"sqlite:///{path}")) as store:
        commit_number(store, 1)
        store._database.settle_log()
        ends = [log.stat().st_size]
        for number in range(2, _COMMITS + 1):
            commit_number(store, number)
            ends.append(log.stat().st_size)
        shutil.copyfile(path, folder / "kept.db")
        data = log.read_bytes()
    assert ends[0] == 0
    ends[0] = _LOG_HEADER
    assert all((end - _LOG_HEADER) % _FRAME == 0 for end in ends)
    return Torn(folder, (folder / "kept.db").read_bytes(), data[: ends[-1]], ends)


def test_a_log_cut_at_any_page_ends_at_its_last_commit(torn: Torn) -> None:
    """Cut before, and within each frame of the last transaction; then not at all."""
    assert len(torn.frames) > 10
    assert torn.opened(torn.log) == _COMMITS
    cuts = [start + at for start in torn.frames for at in _IN_FRAME]
    for cut in cuts:
        assert torn.opened(torn.log[:cut]) == torn.good(cut) == _COMMITS - 1, cut


def test_a_log_cut_at_any_commit_ends_there(torn: Torn) -> None:
    """One byte less than a whole transaction is the one before it; the header, too."""
    for number, end in enumerate(torn.ends[1:], 2):
        assert torn.opened(torn.log[:end]) == number
        assert torn.opened(torn.log[: end - 1]) == number - 1
    for cut in (0, 1, _LOG_HEADER - 1, _LOG_HEADER):
        assert torn.opened(torn.log[:cut]) == 1


def test_a_bit_flipped_in_the_log_ends_it_there(torn: Torn) -> None:
    """Checksums go on from frame to frame: nothing behind a flipped bit is read."""
    moments = random.Random(20_261_126)
    for start in torn.frames:
        for at in _IN_FRAME:
            spoiled = bytearray(torn.log)
            spoiled[start + at] ^= 1 << moments.randrange(8)
            assert torn.opened(bytes(spoiled)) == _COMMITS - 1, (start, at)
    for at in range(_LOG_HEADER):
        spoiled = bytearray(torn.log)
        spoiled[at] ^= 1 << moments.randrange(8)
        assert torn.opened(bytes(spoiled)) in (1, None), at


def test_garbage_behind_the_log_is_passed_over(torn: Torn) -> None:
    """Frames of an earlier use of the log file, and blocks that were never written."""
    other = torn.log[_LOG_HEADER : _LOG_HEADER + 3 * _FRAME]
    for behind in (other, bytes(9_000), b"\xff" * 9_000):
        assert torn.opened(torn.log + behind) == _COMMITS


def test_a_database_cut_short_is_refused(torn: Torn) -> None:
    """At every page and beside it, with no log that might have what is missing."""
    size = len(torn.database)
    for cut in range(_PAGE, size, _PAGE):
        assert torn.opened(b"", torn.database[:cut]) is None, cut
        assert torn.opened(b"", torn.database[: cut + 1_000]) is None, cut
    assert torn.opened(b"", torn.database) == 1


def test_a_bit_flipped_in_a_page_head_is_refused_or_harmless(torn: Torn) -> None:
    """
    In four of the eight bytes that say what a page is, of each page of the database.

    With checks_integrity the store is refused, or it is all there: those bytes of an
    overflow page, or of bytes that SQLite does not use, may change nothing.
    """
    moments = random.Random(7)
    refused = 0
    for start in range(0, len(torn.database), _PAGE):
        for at in (0, 3, 5, 7):
            spoiled = bytearray(torn.database)
            # The first page begins with the header of the file.
            spoiled[start + at + (100 if start == 0 else 0)] ^= 1 << moments.randrange(
                8
            )
            try:
                found = torn.opened(b"", bytes(spoiled))
            except (AssertionError, StoredDocumentError):
                # A proof or a document is another: what its checks are for.
                continue
            refused += found is None
            assert found in (1, None), (start, at)
    assert refused > 50


def test_flips_inside_rows_are_found_or_why_backups_have_checksums(
    tmp_path: Path,
) -> None:
    """
    Half or more of the bits that flip in texts are found by the check, in any store.

    SQLite's pages have no checksums of their own, so the changed name of an order is a
    name. The check and the opening fail in words of ours, never otherwise.
    """
    path = tmp_path / "life.db"
    live_in(path)
    data = path.read_bytes()
    texts = [at for at in range(_PAGE, len(data)) if 32 < data[at] < 127]
    moments = random.Random(11)
    found = 0
    for at in moments.sample(texts, 60):
        spoiled = bytearray(data)
        spoiled[at] ^= 1 << moments.randrange(8)
        path.write_bytes(bytes(spoiled))
        found += not _is_sound(path)
        with suppress(UnavailableError):
            open_store(f"sqlite:///{path}").close()
    assert found >= 30


def _is_sound(path: Path) -> bool:
    try:
        return check_store(path, is_quick=False, with_proofs=True, limit=1).is_sound
    except UnavailableError:
        return False

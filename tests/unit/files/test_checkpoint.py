"""Progress of a load."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.domain.errors import InvalidValueError
from server.files.checkpoint import Checkpoint, checkpoint_path
from server.files.columns import Kind


def _input(folder: Path, text: str = "a\n1\n") -> Path:
    path = folder / "d.csv"
    path.write_text(text)
    return path


def test_load_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What was saved last is what the next load of the same file begins with."""
    path = _input(tmp_path)
    first = Checkpoint(path, Kind.DEMAND, "server a")
    assert (first.rows_done, first.rejected_bytes) == (0, 0)
    first.save(10, 0)
    first.save(20, 99)
    second = Checkpoint(path, Kind.DEMAND, "server a")
    assert (second.rows_done, second.rejected_bytes) == (20, 99)


def test_finished_load_leaves_nothing(tmp_path: Path) -> None:
    """The file goes, temporary parts too, and a next load begins anew."""
    path = _input(tmp_path)
    checkpoint = Checkpoint(path, Kind.DEMAND, "server a")
    checkpoint.save(10, 0)
    checkpoint.finish()
    checkpoint.finish()
    assert [each.name for each in tmp_path.iterdir()] == ["d.csv"]
    assert Checkpoint(path, Kind.DEMAND, "server a").rows_done == 0


def test_changed_input_is_refused(tmp_path: Path) -> None:
    """One byte of the same length is noticed: content counts, not size or time."""
    path = _input(tmp_path, "a\n1\n")
    Checkpoint(path, Kind.DEMAND, "server a").save(1, 0)
    _input(tmp_path, "a\n2\n")
    with pytest.raises(InvalidValueError, match="fingerprint"):
        Checkpoint(path, Kind.DEMAND, "server a")


def test_changed_mapping_is_refused(tmp_path: Path) -> None:
    """The same rows under another mapping are other rows."""
    path, mapping = _input(tmp_path), tmp_path / "m.toml"
    mapping.write_text("one")
    Checkpoint(path, Kind.DEMAND, "server a", [mapping]).save(1, 0)
    mapping.write_text("two")
    with pytest.raises(InvalidValueError, match="fingerprint"):
        Checkpoint(path, Kind.DEMAND, "server a", [mapping])


def test_other_target_is_refused(tmp_path: Path) -> None:
    """Rows that server A has are not rows that server B has."""
    path = _input(tmp_path)
    Checkpoint(path, Kind.DEMAND, "server a").save(1, 0)
    with pytest.raises(InvalidValueError, match="target"):
        Checkpoint(path, Kind.DEMAND, "server b")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"rows_done": -1, "rejected_bytes": 0}', '{"rows_done": true}'],
)
def test_damaged_progress_is_refused(tmp_path: Path, text: str) -> None:
    """Half a file, or one with nonsense in it, is not taken for progress."""
    path = _input(tmp_path)
    checkpoint_path(path, Kind.DEMAND).write_text(text)
    with pytest.raises(InvalidValueError, match="remove it"):
        Checkpoint(path, Kind.DEMAND, "server a")


def test_each_kind_of_one_input_has_its_own(tmp_path: Path) -> None:
    """A table that holds demands and returns is loaded twice, each on its own count."""
    path = _input(tmp_path)
    Checkpoint(path, Kind.DEMAND, "server a").save(7, 0)
    assert Checkpoint(path, Kind.RETURN_ITEM, "server a").rows_done == 0
    assert Checkpoint(path, Kind.DEMAND, "server a").rows_done == 7

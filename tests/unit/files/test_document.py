"""JSON documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.domain.errors import InvalidValueError
from server.files.document import DOCUMENT_BYTES_MAX, read_document, read_json


def test_object_is_read(tmp_path: Path) -> None:
    """A byte order mark is taken off; numbers of 64 bits stay exact."""
    path = tmp_path / "p.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": {"b": 9007199254740993}}')
    assert read_json(path) == {"a": {"b": 9_007_199_254_740_993}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "one JSON object"),
        (b"[]", "list"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "no JSON number"),
        (b'{"a": "\xff"}', "one JSON object"),
        (b'{"a": 1', "line 1 column"),
        (b"[" * 100_000, "one JSON object"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """Damage, doubles and what JSON has not are refused with the file's name."""
    path = tmp_path / "p.json"
    path.write_bytes(data)
    with pytest.raises(InvalidValueError, match=message) as caught:
        read_json(path)
    assert str(path) in str(caught.value)


def test_missing_and_huge_are_refused(tmp_path: Path) -> None:
    """A file that is not there, and one past 16 MiB, are not read at all."""
    with pytest.raises(InvalidValueError, match="exists"):
        read_json(tmp_path / "no.json")
    path = tmp_path / "p.json"
    with path.open("wb") as file:
        file.truncate(DOCUMENT_BYTES_MAX + 1)
    with pytest.raises(InvalidValueError, match="16 MiB"):
        read_json(path)


def test_toml_says_the_same_as_json(tmp_path: Path) -> None:
    """Tables, lists of tables and times; the name tells which of both it is."""
    path = tmp_path / "p.TOML"
    path.write_text(
        'owner = "ops"\n[[steps]]\nstart_time = 2026-03-02T13:00:00+01:00\nshare = 5\n'
    )
    assert read_document(path) == {
        "owner": "ops",
        "steps": [{"start_time": "2026-03-02T13:00:00+01:00", "share": 5}],
    }
    other = tmp_path / "p.json"
    other.write_text('{"a": 1}')
    assert read_document(other) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", "Invalid value"),
        ("a = 1\na = 2", "overwrite"),
        ("a = 2026-03-02T13:00:00", "has no offset"),
        ("a = 2026-03-02", "no instant"),
        ("a = [{b = 13:00:00}]", "no instant"),
    ],
)
def test_what_toml_cannot_say_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    """With the file's name; a time without an offset is nobody's instant."""
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=message) as caught:
        read_document(path)
    assert str(path) in str(caught.value)
    with pytest.raises(InvalidValueError, match="exists"):
        read_document(tmp_path / "no.toml")

"""Documents on disk: one JSON object, or one TOML document, a file."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime, time
from pathlib import Path

from matcher.domain.errors import InvalidValueError

#: Larger than any policy that the contract accepts.
DOCUMENT_BYTES_MAX = 16 * 1024 * 1024


def read_json(path: Path) -> dict[str, object]:
    """
    Read a JSON object, a policy say.

    Returns
    -------
    dict
        What ``json_format.ParseDict`` takes.

    Raises
    ------
    InvalidValueError
        If the file does not exist, is larger than 16 MiB, is no UTF-8, holds no
        JSON object, or names a key twice in one object.
    """
    try:
        found = json.loads(
            _read(path).decode("utf-8-sig"),
            object_pairs_hook=_once,
            parse_constant=_refuse,
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InvalidValueError(str(path), str(error), "one JSON object") from error
    if not isinstance(found, dict):
        raise InvalidValueError(str(path), type(found).__name__, "one JSON object")
    return found


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise InvalidValueError("file", str(path), "a file that exists")
    size = path.stat().st_size
    if size > DOCUMENT_BYTES_MAX:
        raise InvalidValueError(str(path), f"{size:,} bytes", "at most 16 MiB")
    return path.read_bytes()


def read_document(path: Path) -> dict[str, object]:
    """
    Read a document in TOML if its name ends in ``.toml``, in JSON otherwise.

    Returns
    -------
    dict
        What ``json_format.ParseDict`` takes; times of TOML become RFC 3339 text.

    Raises
    ------
    InvalidValueError
        As :func:`read_json`; also if a time of TOML has no offset.
    """
    if path.suffix.lower() != ".toml":
        return read_json(path)
    try:
        found = tomllib.loads(_read(path).decode("utf-8-sig"))
        return {key: _as_json(value) for key, value in found.items()}
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InvalidValueError(str(path), str(error), "a TOML document") from error


def _as_json(value: object) -> object:
    if isinstance(value, dict):
        return {key: _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"time {value} has no offset; end it with Z for UTC")
        return value.isoformat()
    if isinstance(value, date | time):
        # Not a TypeError: the document is at fault, and no caller of ours.
        raise ValueError(f"{value} is no instant: no date, time and offset")  # noqa: TRY004
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} occurs twice")
        found[key] = value
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON number")

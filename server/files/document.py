"""Documents on disk: one JSON object a file."""

from __future__ import annotations

import json
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
    if not path.is_file():
        raise InvalidValueError("file", str(path), "a file that exists")
    size = path.stat().st_size
    if size > DOCUMENT_BYTES_MAX:
        raise InvalidValueError(str(path), f"{size:,} bytes", "at most 16 MiB")
    try:
        found = json.loads(
            path.read_bytes().decode("utf-8-sig"),
            object_pairs_hook=_once,
            parse_constant=_refuse,
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InvalidValueError(str(path), str(error), "one JSON object") from error
    if not isinstance(found, dict):
        raise InvalidValueError(str(path), type(found).__name__, "one JSON object")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} occurs twice")
        found[key] = value
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON number")

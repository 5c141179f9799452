"""A file that is read again when it has changed, and kept as it was if it is unfit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from matcher.domain.errors import InvalidValueError
from server.runtime.clock import Clock, monotonic_clock

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Between two looks at the file: a change holds from here on at the latest.
_LOOK_US = 1_000_000

_Stamp = tuple[int, int, int]


class WatchedFile(Generic[T]):
    """
    What a file says, anew within a second of its change.

    Parameters
    ----------
    setting
        Name of the setting that names the file, for errors.
    paths
        The file; if it is several, they change together.
    read
        Makes the value of their contents.
    clock
        Says when it is time to look again.

    Raises
    ------
    InvalidValueError
        If the file is not there or is unfit when it is first read. Later it is
        logged, and the value stays what it was.
    """

    def __init__(
        self,
        setting: str,
        paths: tuple[Path, ...],
        read: Callable[..., T],
        *,
        clock: Clock = monotonic_clock,
    ) -> None:
        self._setting = setting
        self._paths = paths
        self._read = read
        self._clock = clock
        self._stamps = self._look()
        self._value = self._fresh()
        self._looked_us = clock()

    def value(self) -> T:
        """Return what the file says."""
        now_us = self._clock()
        if now_us - self._looked_us >= _LOOK_US:
            self._looked_us = now_us
            self._renew()
        return self._value

    def _renew(self) -> None:
        stamps = self._look()
        if stamps == self._stamps:
            return
        # One that is unfit is not read again before it changes once more.
        self._stamps = stamps
        try:
            self._value = self._fresh()
        except InvalidValueError as error:
            log.error("access_file_kept", setting=self._setting, error=str(error))  # noqa: TRY400 - the error says it all
        else:
            log.info("access_file_read", setting=self._setting)

    def _look(self) -> tuple[_Stamp | None, ...]:
        return tuple(_stamp(path) for path in self._paths)

    def _fresh(self) -> T:
        try:
            contents = [path.read_bytes() for path in self._paths]
        except OSError as error:
            found = f"{error.filename}: {error.strerror}"
            raise InvalidValueError(
                self._setting, found, "a file that can be read"
            ) from error
        return self._read(*contents)


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

"""A note beside a store that a restore is putting another in its place."""

from __future__ import annotations

from pathlib import Path

from matcher.domain.errors import UnavailableError
from server.storage.new_file import new_file, sync


class RestoreMarker:
    """
    The file ``STORE.restoring``, there while the old files are moved aside.

    A server that met a file without its log, or no file at all, would begin with less
    than was stored; the note keeps it out until a restore has come to its end.

    Parameters
    ----------
    store
        File of the store, symbolic links resolved.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = store.with_name(store.name + ".restoring")

    def aside(self) -> str | None:
        """Return the name under which the old store is kept, if the note is there."""
        if not self._path.exists():
            return None
        return self._path.read_text(encoding="utf-8").strip()

    def write(self, aside: str) -> None:
        """Leave the note, on the disk."""
        with new_file(self._path) as part:
            part.write_text(f"{aside}\n", encoding="utf-8")

    def remove(self) -> None:
        """Take the note away."""
        self._path.unlink(missing_ok=True)
        sync(self._path.parent)

    def refuse(self) -> None:
        """
        Raise if the note is there.

        Raises
        ------
        UnavailableError
            Says how to go on.
        """
        if (aside := self.aside()) is not None:
            raise UnavailableError(
                f"store {self._store}: cannot open it: a restore was cut off; run "
                f"nearturn store restore again (the old store is {aside})"
            )

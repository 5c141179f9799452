"""A browser's door that cannot be opened as it is asked for says why."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.errors import InvalidValueError
from server.config import Settings, load_settings
from server.main import Server
from server.web_door import WebDoor

LISTEN = "127.0.0.1:0"
ORIGIN = "https://console.example.com"


def _settings(**more: Any) -> Settings:
    return load_settings(**{"insecure": True, "connect_listen": LISTEN, **more})


def _refused(settings: Settings) -> tuple[str, str]:
    with pytest.raises(InvalidValueError) as caught:
        WebDoor(settings)
    (violation,) = caught.value.violations
    return violation.field, violation.accepted


def test_without_tls_it_is_on_this_machine_only() -> None:
    """As the port of gRPC: nobody else can be let in without being asked."""
    for listen in ("0.0.0.0:50552", "[::]:50552", "matcher.internal:50552"):
        field, accepted = _refused(_settings(connect_listen=listen))
        assert field == "connect_listen"
        assert "a loopback address" in accepted
    for listen in ("127.0.0.1:0", "[::1]:0", "localhost:0"):
        WebDoor(_settings(connect_listen=listen))


def test_origins_want_a_door() -> None:
    """Whoever lists pages wants them to call somewhere."""
    settings = _settings(connect_listen="", connect_origins=ORIGIN)
    assert _refused(settings) == ("connect_listen", "set, where origins are")


def test_pages_and_client_certificates_do_not_go_together() -> None:
    """The question that a browser asks first comes without one, and would be lost."""
    field, accepted = _refused(
        _settings(
            insecure=False,
            connect_origins=ORIGIN,
            tls_client_ca="clients.pem",
        )
    )
    assert field == "connect_origins"
    assert "shows no certificate" in accepted


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "console.example.com",
        "ftp://console.example.com",
        "https://console.example.com/",
        "https://console.example.com/page",
        "https://Console.example.com",
        "https://a.example, https://b.example",
        "https://a.example,",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    """Compared as text, it would never be that of a page, or be that of every page."""
    with pytest.raises(InvalidValueError) as caught:
        _settings(connect_origins=origin)
    (violation,) = caught.value.violations
    assert violation.field == "connect_origins"
    assert violation.accepted.startswith(f"text such as {ORIGIN}. ")


def test_an_origin_has_no_usual_port() -> None:
    """Browsers leave it out; any other is a part of it."""
    for origin in ("https://a.example:443", "http://a.example:80"):
        field, _ = _refused(_settings(connect_origins=f"{ORIGIN},{origin}"))
        assert field == "connect_origins"
    WebDoor(_settings(connect_origins=f"{ORIGIN}:8443,http://localhost:5173"))


async def test_without_the_extra_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the store is opened or made: nothing has been touched."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    store = f"sqlite:///{tmp_path / 'store.db'}"
    with pytest.raises(InvalidValueError) as caught:
        Server(_settings(store_url=store))
    assert "nearturn[connect]" in str(caught.value)
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - a folder of a test


def test_a_port_that_is_taken_is_named() -> None:
    """Two servers on one port would answer in turns."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InvalidValueError) as caught:
            WebDoor(_settings(connect_listen=listen)).bind()
    assert f"connect_listen: got '{listen}'" in str(caught.value)


def test_small_answers_wait_for_no_acknowledgement() -> None:
    """Connections have TCP_NODELAY; without it an answer in two parts takes 40 ms."""
    door = WebDoor(_settings())
    door.bind()
    assert door._server is not None
    listening = door._server._socket
    address = listening.getsockname()
    with (
        listening,
        socket.create_connection(address) as _,
        listening.accept()[0] as one,
    ):
        assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_door_that_is_shut_costs_nothing() -> None:
    """A server without one imports nothing of what one is made of."""
    program = (
        "import sys\n"
        "from server.config import load_settings\n"
        "from server.main import Server\n"
        "for listen in '', '127.0.0.1:0':\n"
        "    settings = load_settings(insecure=True, connect_listen=listen)\n"
        "    Server(settings)._web.bind()\n"
        "    print(*{'connectrpc', 'starlette', 'uvicorn'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    shut, opened = done.stdout.splitlines()
    assert shut == ""
    assert "uvicorn" in opened

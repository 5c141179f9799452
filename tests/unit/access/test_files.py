"""Files that change: taken when they are fit, kept as they were when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from matcher.domain.errors import InvalidValueError
from server.access.certificates import Certificates, TlsFiles
from server.access.client_names import read_client_names
from server.access.refusal import UnauthenticatedError
from server.access.role import Role
from server.access.watched_file import WatchedFile
from tests.contract.api_target import HandClock
from tests.scenarios.access_folder import AccessFolder

NAMES = b"""
[[client]]
name = "uri:spiffe://brand/orders"
tenant = "brand"
roles = ["submit", "read"]
"""


def _number(raw: bytes) -> int:
    try:
        return int(raw)
    except ValueError as error:
        raise InvalidValueError("file", "...", "a number") from error


def test_a_change_is_seen_within_a_second(tmp_path: Path):
    """Not before the second is over, so that a call costs no look at the disk."""
    clock, path = HandClock(), tmp_path / "file"
    path.write_text("1")
    file = WatchedFile("file", (path,), _number, clock=clock)
    path.write_text("22")
    clock.now_us += 999_999
    assert file.value() == 1
    clock.now_us += 1
    assert file.value() == 22


def test_what_is_unfit_changes_nothing(tmp_path: Path):
    """Half-written, then gone, then right: the good ones hold."""
    clock, path = HandClock(), tmp_path / "file"
    path.write_text("1")
    file = WatchedFile("file", (path,), _number, clock=clock)

    def later() -> int:
        clock.now_us += 1_000_000
        return file.value()

    path.write_text("x")
    assert later() == 1
    path.unlink()
    assert later() == 1
    path.write_text("333")
    assert later() == 333


def test_a_file_has_to_be_there_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The error names the setting and the file."""
    # A long path is shortened in errors.
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidValueError, match="file: got 'nowhere: No such"):
        WatchedFile("file", (Path("nowhere"),), _number)


def test_a_name_stands_for_its_caller():
    """By kind and whole: no prefix, no other kind of name."""
    names = read_client_names(NAMES)
    caller = names.caller({"peer_uri": [b"spiffe://brand/orders"]})
    assert (caller.tenant, caller.roles) == ("brand", {Role.SUBMIT, Role.READ})
    assert caller.subject == "certificate:uri:spiffe://brand/orders"
    for peer in (
        {},
        {"peer_uri": [b"spiffe://brand/orders/2"]},
        {"peer_uri": [b"SPIFFE://brand/orders"]},
        {"peer_dns": [b"spiffe://brand/orders"]},
        {"x509_common_name": [b"uri:spiffe://brand/orders"]},
        {"peer_uri": [b"\xff"]},
    ):
        with pytest.raises(UnauthenticatedError):
            names.caller(peer)


@pytest.mark.parametrize(
    "text",
    [
        "[[client]]\nname = 'cn:x'\ntenant = 'a'\nroles = ['read']",
        "[[client]]\nname = 'dns:'\ntenant = 'a'\nroles = ['read']",
        "[[client]]\nname = 'dns:x'\ntenant = ''\nroles = ['read']",
        "[[client]]\nname = 'dns:x'\ntenant = 1\nroles = ['read']",
        "[[client]]\nname = 'dns:x'\ntenant = 'a'\nroles = []",
        "[[client]]\nname = 'dns:x'\ntenant = 'a'\nroles = 'read'",
        "[[client]]\nname = 'dns:x'\ntenant = 'a'",
        "client = 1",
        "clients = []",
        "[[client",
        NAMES.decode() * 2,
    ],
)
def test_a_table_of_names_out_of_range_is_refused(text: str):
    """A server does not start with it."""
    with pytest.raises(InvalidValueError, match="tls_clients"):
        read_client_names(text.encode())


def test_certificates_that_cannot_serve_are_refused(tmp_path: Path):
    """Another's key, no PEM, a password, expired, no authority: each by its setting."""
    access = AccessFolder(tmp_path / "access")
    own, key = access.folder / "tls.crt", access.folder / "tls.key"
    Certificates(TlsFiles(own, key, access.folder / "client_ca.pem"))
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no PEM")
    other = trustme.CA().issue_cert("localhost")
    other_key = tmp_path / "other.key"
    other.private_key_pem.write_to_path(other_key)
    for files, setting in (
        (TlsFiles(own, other_key), "tls_key"),
        (TlsFiles(own, wrong), "tls_key"),
        (TlsFiles(wrong, key), "tls_certificate"),
        (TlsFiles(own, key, wrong), "tls_client_ca"),
        (TlsFiles(own, tmp_path / "nowhere"), "tls_certificate"),
    ):
        with pytest.raises(InvalidValueError, match=f"{setting}: got"):
            Certificates(files)
    year_4000_us = 2_030 * 31_557_600 * 1_000_000
    with pytest.raises(InvalidValueError, match="expired"):
        Certificates(TlsFiles(own, key), clock=lambda: year_4000_us)

"""Handshakes of the browser's door: whose certificates count, by which names."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from matcher.domain.errors import InvalidValueError
from server.access.certificates import TlsFiles
from server.access.client_names import read_client_names
from server.access.web_certificates import WebCertificates, certificate_names


class _Peer:
    """A connection whose other end has shown a certificate."""

    def __init__(self, raw: bytes | None) -> None:
        self._raw = raw

    def getpeercert(self, *, binary_form: bool) -> bytes | None:
        """Return it."""
        assert binary_form
        return self._raw


def _names(raw: bytes | None) -> dict[str, list[bytes]]:
    return dict(certificate_names(cast(ssl.SSLObject, _Peer(raw))))


def _certificate(*names: x509.GeneralName) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(hours=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


def test_names_have_the_kinds_that_grpc_has_for_them() -> None:
    """So that one file of callers is for both doors; addresses are no names."""
    found = _names(
        _certificate(
            x509.UniformResourceIdentifier("spiffe://brand/orders"),
            x509.DNSName("orders.test"),
            x509.DNSName("more.test"),
            x509.RFC822Name("orders@brand.test"),
        )
    )
    assert found == {
        "peer_uri": [b"spiffe://brand/orders"],
        "peer_dns": [b"orders.test", b"more.test"],
        "peer_email": [b"orders@brand.test"],
    }
    clients = read_client_names(
        b'[[client]]\nname = "uri:spiffe://brand/orders"\n'
        b'tenant = "a"\nroles = ["read"]'
    )
    assert clients.caller(found).subject == "certificate:uri:spiffe://brand/orders"


def test_without_a_certificate_there_is_no_name() -> None:
    """Nor with one that has none, nor on a connection without TLS."""
    assert _names(None) == {}
    assert _names(_certificate()) == {}
    assert certificate_names(None) == {}


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """Carry the flights of both sides over until each is content."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    waiting = [theirs, ours]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
    assert not waiting
    # A client learns only by reading that its certificate was refused.
    ours.write(b"x")
    assert theirs.read() == b"x"


def _client(ca: trustme.CA, own: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if own is not None:
        own.configure_cert(context)
    return context


@pytest.fixture
def ca() -> trustme.CA:
    """Make an authority."""
    return trustme.CA()


def _files(folder: Path, ca: trustme.CA, clients: trustme.CA) -> TlsFiles:
    own = ca.issue_cert("localhost")
    own.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    own.private_key_pem.write_to_path(folder / "tls.key")
    clients.cert_pem.write_to_path(folder / "clients.pem")
    return TlsFiles(folder / "tls.crt", folder / "tls.key", folder / "clients.pem")


def test_changed_files_count_from_the_next_handshake_on(
    tmp_path: Path, ca: trustme.CA
) -> None:
    """The server's own certificate, and the authorities of its clients."""
    clients = trustme.CA()
    certificates = WebCertificates(_files(tmp_path, ca, clients))
    context = certificates.context()
    _handshake(context, _client(ca, clients.issue_cert("a.test")))
    for stranger in (None, trustme.CA().issue_cert("a.test")):
        with pytest.raises(ssl.SSLError):
            _handshake(context, _client(ca, stranger))
    other, others = trustme.CA(), trustme.CA()
    _files(tmp_path, other, others)
    renewed = _client(other, others.issue_cert("a.test"))
    until = time.monotonic() + 30
    while True:
        try:
            _handshake(context, renewed)
            break
        except ssl.SSLError:
            assert time.monotonic() < until, "the files are never read again"
            time.sleep(0.05)
    with pytest.raises(ssl.SSLError):
        _handshake(context, _client(other, clients.issue_cert("a.test")))


def test_old_protocols_are_not_spoken(tmp_path: Path, ca: trustme.CA) -> None:
    """TLS 1.2 is the least."""
    clients = trustme.CA()
    context = WebCertificates(_files(tmp_path, ca, clients)).context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_files_that_do_not_fit_stop_the_start(tmp_path: Path, ca: trustme.CA) -> None:
    """As at gRPC's port, with the setting's name."""
    files = _files(tmp_path, ca, trustme.CA())
    (tmp_path / "clients.pem").write_text("nobody")
    with pytest.raises(InvalidValueError, match="tls_client_ca"):
        WebCertificates(files)
    (tmp_path / "tls.crt").unlink()
    with pytest.raises(InvalidValueError, match="tls_certificate"):
        WebCertificates(files)

"""The server's certificate for web servers of Python, and the names in clients'."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from cryptography import x509

from matcher.domain.errors import InvalidValueError
from server.access.certificates import TlsFiles, check_certificates
from server.access.watched_file import WatchedFile
from server.runtime.clock import Clock, system_clock


class WebCertificates:
    """
    What handshakes of the browser's door use; changed files from the next one on.

    Raises
    ------
    InvalidValueError
        As :class:`server.access.certificates.Certificates` does.
    """

    def __init__(self, files: TlsFiles, *, clock: Clock = system_clock) -> None:
        self._files = files
        self._clock = clock
        self._file = WatchedFile("tls_certificate", files.paths(), self._context)

    def context(self) -> ssl.SSLContext:
        """Return what a port is opened with."""
        context = self._file.value()

        def renew(connection: ssl.SSLObject, *_: object) -> None:
            # Before each handshake, whether or not the client names a server.
            connection.context = self._file.value()

        context.sni_callback = renew
        return context

    def _context(
        self, chain: bytes, key: bytes, client_ca: bytes | None = None
    ) -> ssl.SSLContext:
        check_certificates(chain, key, client_ca, self._clock())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # It reads files only. If they have changed since, they are read again.
            context.load_cert_chain(self._files.certificate, self._files.key)
            if client_ca is not None:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(cadata=client_ca.decode())
        except (OSError, ValueError) as error:
            raise InvalidValueError(
                "tls_certificate", type(error).__name__, "files that OpenSSL takes"
            ) from error
        return context


def certificate_names(connection: ssl.SSLObject | None) -> Mapping[str, list[bytes]]:
    """Return the names in a client's certificate; `ClientNames` knows their kinds."""
    raw = connection.getpeercert(binary_form=True) if connection is not None else None
    if raw is None:
        return {}
    certificate = x509.load_der_x509_certificate(raw)
    try:
        found = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except (x509.ExtensionNotFound, ValueError):
        return {}
    by_kind: dict[str, list[str]] = {
        "peer_uri": found.get_values_for_type(x509.UniformResourceIdentifier),
        "peer_dns": found.get_values_for_type(x509.DNSName),
        "peer_email": found.get_values_for_type(x509.RFC822Name),
    }
    return {kind: [name.encode() for name in names] for kind, names in by_kind.items()}

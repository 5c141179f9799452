"""The server's own certificate, its key, and whose client certificates it takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from matcher.domain.errors import InvalidValueError
from server.access.api_keys import micros
from server.access.watched_file import WatchedFile
from server.runtime.clock import Clock, system_clock


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """
    Where the certificates are, all in PEM.

    ``certificate`` is the chain, the server's own first. With ``client_ca`` every
    client has to show a certificate of one of its authorities.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def paths(self) -> tuple[Path, ...]:
        """Return them in the order of the fields, without one that is not there."""
        own = (self.certificate, self.key)
        return own if self.client_ca is None else (*own, self.client_ca)


class Certificates:
    """
    What handshakes use; changed files are used from the next handshake on.

    Raises
    ------
    InvalidValueError
        If a file cannot be used: it is not there, no PEM, key and certificate are no
        pair, or the certificate does not hold now.
    """

    def __init__(self, files: TlsFiles, *, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._asks_clients = files.client_ca is not None
        self._file = WatchedFile("tls_certificate", files.paths(), self._configuration)
        self._told = self._file.value()

    def credentials(self) -> grpc.ServerCredentials:
        """Return what a port is opened with."""
        return grpc.dynamic_ssl_server_credentials(
            self._told,
            self._next,
            self._asks_clients,
        )

    def _next(self) -> Any:
        # Before each handshake; None, which the published types leave out, leaves it
        # as it is.
        found = self._file.value()
        if found is self._told:
            return None
        self._told = found
        return found

    def _configuration(
        self, chain: bytes, key: bytes, client_ca: bytes | None = None
    ) -> grpc.ServerCertificateConfiguration:
        check_certificates(chain, key, client_ca, self._clock())
        return grpc.ssl_server_certificate_configuration([(key, chain)], client_ca)


def check_certificates(
    chain: bytes, key: bytes, client_ca: bytes | None, now_us: int
) -> None:
    """
    Check what a server would show, and whom it would believe.

    Raises
    ------
    InvalidValueError
        If anything is no PEM, key and certificate are no pair, or the certificate
        does not hold now.
    """
    if client_ca is not None:
        _certificates("tls_client_ca", client_ca)
    own = _certificates("tls_certificate", chain)[0]
    try:
        secret = load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        raise InvalidValueError(
            "tls_key", "...", "a private key in PEM, without a password"
        ) from error
    if _bytes(secret.public_key()) != _bytes(own.public_key()):
        raise InvalidValueError("tls_key", "...", "the key of tls_certificate")
    if now_us >= micros(own.not_valid_after_utc):
        ended = own.not_valid_after_utc.isoformat()
        raise InvalidValueError(
            "tls_certificate", f"expired at {ended}", "one that holds now"
        )


def _certificates(setting: str, raw: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(raw)
    except ValueError as error:
        raise InvalidValueError(setting, "...", "certificates in PEM") from error


def _bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

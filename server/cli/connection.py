"""How commands reach a server: what was given before the command, or by environment."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from matcher.domain.errors import InvalidValueError
from nearturn import Client, secure
from server.cli.shown import Shown, what_is_shown


def connect(target: str) -> Client:
    """
    Open a connection: in the clear to this machine if nothing was given, else by TLS.

    Raises
    ------
    InvalidValueError
        If a file was given that cannot be used, or a tenant where the server takes it
        from credentials, as it does behind TLS.
    """
    shown = what_is_shown()
    if not shown.is_secure and _is_loopback(target):
        return _in_the_clear(target, shown.tenant)
    if shown.tenant is not None:
        raise InvalidValueError(
            "tenant",
            shown.tenant,
            "left out (--tenant, NEARTURN_TENANT) where a server asks for credentials: "
            "they say whose they are",
        )
    if (shown.certificate is None) != (shown.key is None):
        raise InvalidValueError("certificate", "", "given with --key, or neither")
    credentials = secure(
        root_certificates=_read(shown.ca),
        token=_token(shown),
        certificate_chain=_read(shown.certificate),
        private_key=_read(shown.key),
    )
    return Client(target, credentials=credentials)


def _in_the_clear(target: str, tenant: str | None) -> Client:
    try:
        return Client(target, tenant=tenant)
    except ValueError as error:
        # Of both, the tenant is all that a client looks at before it connects.
        accepted = str(error).partition("accepted: ")[2]
        raise InvalidValueError("tenant", str(tenant), accepted) from error


def _token(shown: Shown) -> str | None:
    if shown.token_file is None:
        return shown.token
    if shown.token is not None:
        raise InvalidValueError("token_file", "", "one of it and NEARTURN_TOKEN")
    token = shown.token_file.read_text().strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidValueError(
            "token_file", str(shown.token_file), "a file with one API key or token"
        )
    return token


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()


def _is_loopback(target: str) -> bool:
    host = target.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Who may call: whether the files of it can be used, and for how long yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from matcher.domain.errors import InvalidValueError
from server.cli.doctor_findings import Finding, fail, ok, warn
from server.config import Settings
from server.door import Door
from server.quotas import Quotas
from server.web_door import WebDoor

#: A certificate that ends sooner is told of.
_LEFT_MIN = timedelta(days=14)


def check_access(settings: Settings) -> Finding:
    """Check certificates, keys and tokens as a server does that starts."""
    try:
        Door(settings, settings.tenants, settings.listen, Quotas(settings).of)
        WebDoor(settings)
    except InvalidValueError as error:
        todo = "docs/SECURITY.md says what there has to be."
        return fail("access", str(error), todo)
    except OSError as error:
        todo = "Let the user that the server runs as read it."
        return fail("access", f"{error.filename}: {error.strerror}", todo)
    if settings.insecure:
        said = "insecure: whoever is on this machine may do everything"
        return warn("access", said, "Only for trying it out; docs/SECURITY.md.")
    taken = {
        "API keys": settings.api_keys,
        "tokens": settings.jwt_key_set,
        "client certificates": settings.tls_clients,
    }
    named = ", ".join(name for name, value in taken.items() if value)
    return _certificate(settings.tls_certificate, named, datetime.now(UTC))


def _certificate(file: str, taken: str, now: datetime) -> Finding:
    own = x509.load_pem_x509_certificates(Path(file).read_bytes())[0]
    ends = own.not_valid_after_utc
    said = f"by TLS, with {taken}; the certificate holds until {ends:%Y-%m-%d}"
    if ends - now >= _LEFT_MIN:
        return ok("access", said)
    todo = "Put the next one in its place: it is used without a restart."
    return warn("access", said, todo)

"""The server's door, out of its settings: the port, and who is let in."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId
from server.access.api_keys import ApiKeys, read_keys
from server.access.authenticator import Authenticator
from server.access.call_limiter import CallLimiter, CallLimits
from server.access.certificates import Certificates, TlsFiles
from server.access.client_names import read_client_names
from server.access.key_audit import KeyAudit
from server.access.key_set import KeySetFile, KeySetUrl
from server.access.local_callers import LocalCallers
from server.access.tenant_quotas import QuotaOf, TenantQuota
from server.access.tokens import TokenRules, Tokens
from server.access.watched_file import WatchedFile
from server.access_settings import AccessSettings
from server.api.access_rules import AccessRules
from server.api.admission import Admission
from server.api.call_watch import CallWatch
from server.api.registration import services
from server.runtime.runtime import Runtime

_SECOND_US = 1_000_000


class Door:
    """
    How callers get in.

    Parameters
    ----------
    settings
        Of who may call.
    tenants
        Whose server it is.
    listen
        Host and port.
    quotas
        Gives what a tenant may take.
    watch
        Is told of the calls that are refused.

    Raises
    ------
    InvalidValueError
        If a file cannot be used, if nobody could be let in, or if anybody could.
    """

    def __init__(
        self,
        settings: AccessSettings,
        tenants: Sequence[TenantId],
        listen: str,
        quotas: QuotaOf,
        watch: CallWatch | None = None,
    ) -> None:
        self.certificates = _certificates(settings)
        if self.certificates is None and not is_loopback(listen):
            raise InvalidValueError(
                "listen",
                listen,
                "with insecure, a loopback address: 127.0.0.1, [::1] or localhost",
            )
        self._key_set = _key_set(settings)
        keys, clients = _keys(settings), settings.tls_clients
        self._key_audit = KeyAudit(keys.value, tenants) if keys else None
        of_caller = CallLimits(
            "caller",
            settings.caller_calls_per_s,
            settings.caller_burst,
            settings.caller_calls_max,
        )
        authenticator = Authenticator(
            keys=keys,
            tokens=_tokens(settings, self._key_set) if self._key_set else None,
            clients=WatchedFile("tls_clients", (Path(clients),), read_client_names)
            if clients
            else None,
            local=LocalCallers(tenants) if settings.insecure else None,
        )
        self.admission = Admission(
            AccessRules(services()),
            authenticator,
            tenants,
            watch=watch,
            callers=CallLimiter(lambda _: of_caller),
            tenants=CallLimiter(lambda name: _of_tenant(quotas(TenantId(name)))),
        )

    def start(self) -> None:
        """Begin to look at what changes by itself."""
        if self._key_set is not None:
            self._key_set.start()

    def note_keys(self, runtime: Runtime) -> None:
        """Begin to note changes of keys in the audit log."""
        if self._key_audit is not None:
            self._key_audit.start(runtime)

    async def stop(self) -> None:
        """Look no more."""
        if self._key_audit is not None:
            await self._key_audit.stop()
        if self._key_set is not None:
            await self._key_set.stop()


def _of_tenant(quota: TenantQuota) -> CallLimits:
    return CallLimits("tenant", quota.calls_per_s, quota.burst, quota.calls_max)


def _certificates(settings: AccessSettings) -> Certificates | None:
    if settings.insecure:
        if settings.tls_certificate or settings.tls_key or settings.tls_client_ca:
            raise InvalidValueError(
                "insecure", "true", "false beside a certificate: one or the other"
            )
        return None
    for name in ("tls_certificate", "tls_key"):
        if not getattr(settings, name):
            raise InvalidValueError(
                name, "", "a file in PEM; or insecure, on a loopback address"
            )
    if not (settings.api_keys or settings.jwt_key_set or settings.tls_clients):
        raise InvalidValueError(
            "api_keys",
            "",
            "credentials that are taken: api_keys, jwt_key_set, or tls_client_ca "
            "with tls_clients",
        )
    if settings.tls_clients and not settings.tls_client_ca:
        raise InvalidValueError("tls_client_ca", "", "set, where tls_clients is")
    return Certificates(tls_files(settings))


def tls_files(settings: AccessSettings) -> TlsFiles:
    """Return where the certificates are."""
    client_ca = Path(settings.tls_client_ca) if settings.tls_client_ca else None
    return TlsFiles(Path(settings.tls_certificate), Path(settings.tls_key), client_ca)


def _keys(settings: AccessSettings) -> WatchedFile[ApiKeys] | None:
    if not settings.api_keys:
        return None
    return WatchedFile("api_keys", (Path(settings.api_keys),), read_keys)


def _key_set(settings: AccessSettings) -> KeySetFile | KeySetUrl | None:
    source = settings.jwt_key_set
    if not source:
        return None
    if "://" in source:
        return KeySetUrl(source, settings.jwt_refresh_s)
    return KeySetFile(Path(source))


def _tokens(settings: AccessSettings, source: KeySetFile | KeySetUrl) -> Tokens:
    for name in ("jwt_issuer", "jwt_audience"):
        if not getattr(settings, name):
            raise InvalidValueError(name, "", "set, where jwt_key_set is")
    rules = TokenRules(
        settings.jwt_issuer, settings.jwt_audience, settings.jwt_skew_s * _SECOND_US
    )
    return Tokens(source, rules)


def is_loopback(listen: str) -> bool:
    """Say whether an address is one of this machine that no other can reach."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

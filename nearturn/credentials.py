"""What a caller shows: root certificates, a key or token, a certificate of its own."""

from __future__ import annotations

from collections.abc import Callable

import grpc


def secure(
    *,
    root_certificates: bytes | None = None,
    token: str | Callable[[], str] | None = None,
    certificate_chain: bytes | None = None,
    private_key: bytes | None = None,
) -> grpc.ChannelCredentials:
    """
    Return the credentials of a channel over TLS, for :class:`nearturn.Client`.

    Parameters
    ----------
    root_certificates
        Authorities that may vouch for the server, in PEM; ``None`` for those that
        gRPC brings along.
    token
        An API key or a JWT, sent with every call. A function is asked before each
        call, on a thread of gRPC's, for tokens that are renewed: it must not wait.
    certificate_chain, private_key
        A client certificate with its chain and its key, in PEM, where the server
        asks for one.
    """
    channel = grpc.ssl_channel_credentials(
        root_certificates, private_key, certificate_chain
    )
    if token is None:
        return channel
    call = (
        grpc.access_token_call_credentials(token)
        if isinstance(token, str)
        else grpc.metadata_call_credentials(_Renewed(token))
    )
    return grpc.composite_channel_credentials(channel, call)


class _Renewed(grpc.AuthMetadataPlugin):
    """Asks for the token of each call."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def __call__(
        self,
        context: grpc.AuthMetadataContext,  # noqa: ARG002 - gRPC's signature
        callback: grpc.AuthMetadataPluginCallback,
    ) -> None:
        """Give the metadata of a call."""
        try:
            metadata = (("authorization", f"Bearer {self._token()}"),)
        except Exception as error:  # noqa: BLE001 - it ends the call, as gRPC says
            callback((), error)
        else:
            callback(metadata, None)

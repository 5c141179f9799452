"""Certificates, keys and tokens of a server that asks for them, made for a test."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import grpc
import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nearturn import secure
from server.access.api_key_file import ApiKeyFile, KeyOrder

ISSUER = "https://id.test"
AUDIENCE = "nearturn-test"

_HOUR_US = 3_600_000_000


class AccessFolder:
    """
    A folder with a server's certificate, its keys, and the keys of an issuer.

    Parameters
    ----------
    folder
        Where the files are made.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca = trustme.CA()
        self.client_ca = trustme.CA()
        self.api_keys = ApiKeyFile(folder / "keys.json", "test")
        self.signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.curve = ec.generate_private_key(ec.SECP256R1())
        self.write_certificate(self.ca)
        self.client_ca.cert_pem.write_to_path(folder / "client_ca.pem")
        (folder / "jwks.json").write_text(json.dumps(self.key_set()))
        self.key("admin")

    def write_certificate(self, ca: trustme.CA) -> None:
        """Give the server a certificate of an authority."""
        own = ca.issue_cert("localhost", "127.0.0.1")
        own.cert_chain_pems[0].write_to_path(self.folder / "tls.crt")
        own.private_key_pem.write_to_path(self.folder / "tls.key")

    def key_set(self) -> dict[str, Any]:
        """Return the issuer's public keys."""
        rsa_key = json.loads(
            jwt.algorithms.RSAAlgorithm.to_jwk(self.signing.public_key())
        )
        curve = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.curve.public_key()))
        return {
            "keys": [
                {**rsa_key, "kid": "rsa", "alg": "RS256", "use": "sig"},
                {**curve, "kid": "curve"},
            ]
        }

    def settings(self, **more: str) -> dict[str, str]:
        """Return the settings of a server with all this."""
        return {
            "tls_certificate": str(self.folder / "tls.crt"),
            "tls_key": str(self.folder / "tls.key"),
            "api_keys": str(self.api_keys.path),
            "jwt_key_set": str(self.folder / "jwks.json"),
            "jwt_issuer": ISSUER,
            "jwt_audience": AUDIENCE,
            **more,
        }

    def flags(self, **more: str) -> tuple[str, ...]:
        """Return the flags of ``nearturn serve`` for these settings."""
        file = self.folder / "access.toml"
        lines = (f'{name} = "{text}"' for name, text in self.settings(**more).items())
        file.write_text("\n".join(lines))
        return ("--config", str(file))

    def key(self, *roles: str, tenant: str = "default", ended: bool = False) -> str:
        """Make an API key; one that has ended held for an hour, two hours ago."""
        now_us = time.time_ns() // 1_000
        order = KeyOrder(tenant, roles, lifetime_us=_HOUR_US)
        return self.api_keys.create(order, now_us - 2 * _HOUR_US * ended)

    def token(self, *roles: str, **claims: object) -> str:
        """Make a token; a claim that is ``None`` is left out."""
        now_s = int(time.time())
        given = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "tester",
            "iat": now_s,
            "exp": now_s + 600,
            "tenant": "default",
            "roles": list(roles),
            **claims,
        }
        said = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(said, self.signing, "RS256", headers={"kid": "rsa"})

    def public_pem(self) -> bytes:
        """Return the issuer's public key as people mistake it for a secret."""
        return self.signing.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def credentials(
        self, token: str | None = None, client: trustme.LeafCert | None = None
    ) -> grpc.ChannelCredentials:
        """Return what a client connects with."""
        return secure(
            root_certificates=self.ca.cert_pem.bytes(),
            token=token,
            certificate_chain=client and client.cert_chain_pems[0].bytes(),
            private_key=client and client.private_key_pem.bytes(),
        )

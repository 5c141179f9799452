"""Settings of who may call: TLS, credentials, limits."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class AccessSettings(BaseSettings):
    """The part of :class:`server.config.Settings` that docs/SECURITY.md explains."""

    insecure: bool = Field(
        False,
        description="No TLS, and no credentials asked for: on loopback addresses only.",
    )
    tls_certificate: str = Field(
        "",
        examples=["/etc/nearturn/tls.crt"],
        description="The server's certificate with its chain, in PEM.",
    )
    tls_key: str = Field(
        "",
        examples=["/etc/nearturn/tls.key"],
        description="Its private key, in PEM without a password.",
    )
    tls_client_ca: str = Field(
        "",
        examples=["/etc/nearturn/clients.crt"],
        description="Authorities of client certificates, in PEM: every client has to "
        "show one. Empty: none is asked for.",
    )
    tls_clients: str = Field(
        "",
        examples=["/etc/nearturn/clients.toml"],
        description="A TOML file of the names in client certificates, each with its "
        "tenant and roles. Empty: they stand for nobody.",
    )
    api_keys: str = Field(
        "",
        examples=["/etc/nearturn/keys.json"],
        description="A file of API keys, as nearturn keys makes it. Empty: none are "
        "taken.",
    )
    jwt_key_set: str = Field(
        "",
        examples=["https://id.example.com/.well-known/jwks.json"],
        description="Public keys of the issuer of tokens: a JSON Web Key Set, in a "
        "file or at an https URL. Empty: no tokens are taken.",
    )
    jwt_issuer: str = Field(
        "",
        examples=["https://id.example.com"],
        description="What the claim iss of tokens has to be.",
    )
    jwt_audience: str = Field(
        "",
        examples=["nearturn"],
        description="What the claim aud of tokens has to be, or to hold.",
    )
    jwt_skew_s: int = Field(
        30,
        ge=0,
        le=300,
        description="How far the clocks of the issuer and of this machine may be "
        "apart.",
    )
    jwt_refresh_s: int = Field(
        300,
        ge=10,
        le=86_400,
        description="How often the keys at a URL are looked at.",
    )
    caller_calls_per_s: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Calls of one caller in a second; 0 is no limit.",
    )
    caller_burst: int = Field(
        1_000,
        ge=1,
        le=1_000_000,
        description="Calls of one caller that may come at once after a pause.",
    )
    caller_calls_max: int = Field(
        5_000,
        ge=0,
        le=1_000_000,
        description="Calls of one caller under way at once; 0 is no limit.",
    )
    tenant_calls_per_s: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Calls of all callers of a tenant in a second; 0 is no limit.",
    )
    tenant_burst: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        description="Calls of all callers of a tenant that may come at once after a "
        "pause.",
    )
    tenant_calls_max: int = Field(
        10_000,
        ge=0,
        le=1_000_000,
        description="Calls of all callers of a tenant under way at once; 0 is no "
        "limit.",
    )

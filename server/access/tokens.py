"""JSON Web Tokens of an identity provider, as callers carry them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import jwt

from matcher.domain.errors import InvalidValueError
from matcher.domain.ids import TenantId
from server.access.caller import Caller
from server.access.key_set import KeySet
from server.access.refusal import UnauthenticatedError
from server.access.role import Role, roles_of
from server.access.verified_tokens import VerifiedToken, VerifiedTokens

#: Longest token: more does not fit the headers of a call anyway.
TOKEN_BYTES_MAX = 8 * 1024

_SECOND_US = 1_000_000
_SUBJECT_MAX = 128

# Claims before which a token does not hold.
_BEGINS = ("nbf", "iat")

# Times are compared by our own clock, with our own skew; the library has neither as
# an argument. It verifies all the rest.
_OPTIONS: dict[str, Any] = {
    "require": ["exp", "aud", "iss", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "strict_aud": False,
}


class KeySource(Protocol):
    """Where the public keys of the identity provider come from."""

    def keys(self) -> KeySet:
        """Return the keys as they are known now."""

    async def renewed(self) -> KeySet:
        """Return the keys after another look, if it was not looked just now."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """
    What a token has to say.

    ``skew_us`` is how far the clocks of its issuer and of this machine may be apart.
    """

    issuer: str
    audience: str
    skew_us: int


class Tokens:
    """
    Knows callers by their tokens.

    Parameters
    ----------
    source
        Gives the keys.
    rules
        What tokens have to say.
    verified
        Remembers those that were verified.
    """

    def __init__(
        self,
        source: KeySource,
        rules: TokenRules,
        verified: VerifiedTokens | None = None,
    ) -> None:
        self._source = source
        self._rules = rules
        self._known = VerifiedTokens() if verified is None else verified

    async def caller(self, token: str, now_us: int) -> Caller:
        """
        Return whose token it is.

        The claim ``tenant`` names the tenant, ``roles`` the roles: a list, or one
        text with spaces between.

        Raises
        ------
        UnauthenticatedError
            If it was not made by the issuer for us, or does not hold now.
        """
        # A signature takes longer to verify than many a call takes in all.
        known = self._known.find(token, self._source.keys(), now_us)
        if known is not None:
            return known.caller
        key = await self._key(token)
        claims = self._verified(token, key)
        begin_us, end_us = self._span(claims)
        if now_us >= end_us:
            raise UnauthenticatedError("expired", "the token has expired")
        if now_us < begin_us:
            raise UnauthenticatedError("early", "the token does not hold yet")
        caller = _caller(claims)
        self._known.keep(token, VerifiedToken(caller, key, begin_us, end_us))
        return caller

    async def _key(self, token: str) -> jwt.PyJWK:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise UnauthenticatedError("malformed", "no token has this form") from error
        if "crit" in header:
            # What must be understood and is not ends it (RFC 7515, section 4.1.11).
            raise UnauthenticatedError("unsupported", "a critical header of the token")
        kid = header.get("kid")
        name = kid if isinstance(kid, str) else ""
        found = self._source.keys().by_id.get(name)
        if found is None:
            # The issuer may have begun to sign with another key.
            found = (await self._source.renewed()).by_id.get(name)
        if found is None:
            raise UnauthenticatedError("unknown", "the token's key is not the issuer's")
        if header.get("alg") != found.algorithm_name:
            # The key says how it is used, never the token: so neither "none" nor a
            # public key taken for a secret gets anywhere.
            raise UnauthenticatedError(
                "algorithm", f"that key signs with {found.algorithm_name}"
            )
        return found

    def _verified(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._rules.audience,
                issuer=self._rules.issuer,
                options=_OPTIONS,  # type: ignore[arg-type]
            )
        except jwt.InvalidAudienceError as error:
            raise UnauthenticatedError(
                "audience", "the token is for somebody else"
            ) from error
        except jwt.InvalidIssuerError as error:
            raise UnauthenticatedError(
                "issuer", "the token is of another issuer"
            ) from error
        except jwt.InvalidSignatureError as error:
            raise UnauthenticatedError(
                "signature", "the token's signature is not right"
            ) from error
        except jwt.MissingRequiredClaimError as error:
            raise UnauthenticatedError(
                "claims", f"the token lacks the claim {error.claim}"
            ) from error
        except jwt.PyJWTError as error:
            raise UnauthenticatedError("malformed", "no token has this form") from error

    def _span(self, claims: Mapping[str, Any]) -> tuple[int, int]:
        # From when on the token holds, and when no more, in microseconds.
        skew_us = self._rules.skew_us
        end_us = _instant_us(claims, "exp") + skew_us
        begins = [_instant_us(claims, name) for name in _BEGINS if name in claims]
        return max(begins, default=0) - skew_us, end_us


def _instant_us(claims: Mapping[str, Any], name: str) -> int:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnauthenticatedError("claims", f"the claim {name} is no number")
    try:
        return int(value * _SECOND_US)
    except (OverflowError, ValueError) as error:
        raise UnauthenticatedError("claims", f"the claim {name} is no time") from error


def _caller(claims: Mapping[str, Any]) -> Caller:
    tenant = claims.get("tenant")
    if not isinstance(tenant, str) or not tenant:
        raise UnauthenticatedError("claims", "the claim tenant names no tenant")
    subject = str(claims["sub"])[:_SUBJECT_MAX]
    return Caller(f"token:{subject}", TenantId(tenant), _roles(claims.get("roles")))


def _roles(claim: object) -> frozenset[Role]:
    names = claim.split() if isinstance(claim, str) else claim
    try:
        return roles_of("roles", names if isinstance(names, list) else ())
    except InvalidValueError as error:
        raise UnauthenticatedError(
            "claims",
            "the claim roles names none of read, submit, operate and admin, or another",
        ) from error

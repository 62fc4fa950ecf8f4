"""Bearer tokens: issued, and verified on every call."""

import base64
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt
from grpc import StatusCode

from .rejections import Rejection, error_info, unauthenticated
from .signing import encoded
from .state import Account, State

PREFIX = "ya29.c."
SCOPES = {"https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/iam"}
LONGEST_JWT = 3600 + 60
MOST_REMEMBERED = 10_000


def issue(state: State, email: str, scopes: list[str], expires: float) -> str:
    """Return an access token of the account: a sealed text, so nothing has to be remembered."""
    content = json.dumps([email, " ".join(scopes), expires, secrets.token_urlsafe(12)])
    body = encoded(content.encode())
    return f"{PREFIX}{body}.{_seal(state, body)}"


def _seal(state: State, body: str) -> str:
    return encoded(hmac.digest(state.token_secret, body.encode(), "sha256"))


async def id_token(state: State, account: Account, audience: str, include_email: bool) -> str:
    """Return an OpenID Connect token of the account, signed with the key of the issuer."""
    start = int(time.time())
    payload: dict[str, Any] = {
        "aud": audience,
        "azp": account.unique_id,
        "exp": start + 3600,
        "iat": start,
        "iss": "https://accounts.google.com",
        "sub": account.unique_id,
    }
    if include_email:
        payload |= {"email": account.email, "email_verified": True}
    return (await state.google_key.key()).sign_jwt(json.dumps(payload))


@dataclass(frozen=True)
class Verified:
    """A token that was genuine, and until when."""

    email: str
    key_id: str
    expires: float


class Bearers:
    """Verifies the bearer token of each call; a genuine one is remembered until it expires."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._verified: dict[tuple[str, str], Verified] = {}

    def caller(self, authorization: str | None, host: str) -> str:
        """Return the e-mail of the caller; UNAUTHENTICATED when the token proves nothing."""
        if authorization is None:
            raise unauthenticated(
                "Request is missing required authentication credential.", "CREDENTIALS_MISSING"
            )
        verified = self._verified.get((authorization, host))
        if verified is None:
            verified = self._verify(authorization, host)
            if len(self._verified) >= MOST_REMEMBERED:
                self._verified.clear()
            self._verified[authorization, host] = verified
        if verified.expires <= time.time():
            self._verified.pop((authorization, host), None)
            raise unauthenticated("The bearer token has expired.", "ACCESS_TOKEN_EXPIRED")
        self._check_standing(verified)
        return verified.email

    def _check_standing(self, verified: Verified) -> None:
        account = self._state.account(verified.email)
        if account is None or account.disabled:
            raise unauthenticated(
                "The account of the bearer token is disabled or deleted.", "ACCOUNT_STATE_INVALID"
            )
        if verified.key_id:
            key = account.keys.get(verified.key_id)
            if key is None or key.disabled:
                raise unauthenticated("The key of the bearer token is disabled or deleted.")

    def _verify(self, authorization: str, host: str) -> Verified:
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise unauthenticated("The authorization is not a bearer token.")
        if token.startswith(PREFIX):
            return self._verify_access_token(token)
        return verify_jwt(self._state, token, {f"https://{host}", f"https://{host}/"})

    def _verify_access_token(self, token: str) -> Verified:
        body, _, seal = token.removeprefix(PREFIX).partition(".")
        if not hmac.compare_digest(seal.encode(), _seal(self._state, body).encode()):
            raise unauthenticated("The access token was not issued here.")
        email, scopes, expires, _ = json.loads(base64.urlsafe_b64decode(body + "=="))
        if not SCOPES & set(scopes.split()):
            raise Rejection(
                StatusCode.PERMISSION_DENIED,
                "Request had insufficient authentication scopes.",
                [error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")],
            )
        return Verified(email, "", expires)


def verify_jwt(state: State, token: str, audiences: set[str]) -> Verified:
    """Return who signed a JWT for one of the audiences.

    A JWT for a service may name it by `scope` instead of `aud`, as google-auth does on request.
    """
    claims, account, key_id = decode(state, token)
    audience = claims.get("aud")
    if audience is None and not SCOPES & set(str(claims.get("scope", "")).split()):
        raise unauthenticated("The JWT has neither an audience nor a scope of this service.")
    if audience is not None and not names_one(audience, audiences):
        raise unauthenticated(f"The JWT is for another audience: {audience!r:.200}.")
    return Verified(account.email, key_id, claims["exp"])


def names_one(audience: Any, audiences: set[str]) -> bool:
    """Say whether an `aud` claim is one of the audiences; a list of them is none."""
    return isinstance(audience, str) and audience in audiences


def decode(state: State, token: str) -> tuple[dict[str, Any], Account, str]:
    """Return the claims, the account and the key id of a JWT that an account's key signed.

    Raises UNAUTHENTICATED for anything else.
    """
    try:
        key_id = str(jwt.get_unverified_header(token).get("kid", ""))
        unverified = jwt.decode(token, options={"verify_signature": False})
        account = state.account(str(unverified.get("iss", "")))
        key = account.keys.get(key_id) if account else None
        if account is None or key is None:
            raise unauthenticated("The JWT is signed by no key of a service account.")
        claims = jwt.decode(
            token,
            key.public_key,
            algorithms=["RS256"],
            options={"require": ["exp", "iat", "iss"], "verify_aud": False},
        )
    except jwt.InvalidTokenError as error:
        raise unauthenticated(f"The JWT is not valid: {error}.") from None
    if claims.get("sub", account.email) != account.email:
        raise unauthenticated("The JWT speaks for another subject than its issuer.")
    if not isinstance(claims["exp"], int) or not isinstance(claims["iat"], int):
        raise unauthenticated("The JWT's exp and iat are not whole seconds.")
    if claims["exp"] - claims["iat"] > LONGEST_JWT:
        raise unauthenticated("The JWT lives longer than an hour.")
    if key.disabled:
        raise unauthenticated("The key of the JWT is disabled.")
    return claims, account, key_id


def after(seconds: float) -> float:
    """Return the time that many seconds from now."""
    return time.time() + seconds

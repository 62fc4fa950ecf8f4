"""The credentials service: short-lived tokens and signatures of the accounts' system keys."""

import json
import time
from typing import Any

from google.cloud.iam_credentials_v1.types import common
from google.protobuf import timestamp_pb2

from . import tokens
from .methods import CREDENTIALS, Call, serves
from .names import credential_account
from .rejections import invalid
from .state import Account

HOUR = 3600
TWELVE_HOURS = 12 * HOUR


def chain(call: Call, name: str, delegates: Any, permission: str) -> Account:
    """Return the account that the request is for, after a look at its delegates."""
    account = credential_account(call.state, name, permission)
    for position, delegate in enumerate(delegates):
        credential_account(
            call.state, delegate, "iam.serviceAccounts.implicitDelegation", f"delegates[{position}]"
        )
    return account


@serves(CREDENTIALS)
def generate_access_token(
    call: Call, request: common.GenerateAccessTokenRequest
) -> common.GenerateAccessTokenResponse:
    scopes = list(request.scope)
    if not scopes or not all(scope and not scope.isspace() for scope in scopes):
        raise invalid("scope", "At least one scope is required, and none may be empty.")
    wanted = common.GenerateAccessTokenRequest.pb(request)
    seconds = wanted.lifetime.seconds + wanted.lifetime.nanos / 1e9
    if wanted.HasField("lifetime") and not 0 < seconds <= HOUR:
        raise invalid("lifetime", f"The lifetime must be between 1 s and {HOUR} s.")
    account = chain(call, request.name, request.delegates, "iam.serviceAccounts.getAccessToken")
    expires = time.time() + (seconds or HOUR)
    return common.GenerateAccessTokenResponse(
        access_token=tokens.issue(call.state, account.email, scopes, expires),
        expire_time=timestamp_pb2.Timestamp(seconds=int(expires)),
    )


@serves(CREDENTIALS)
async def generate_id_token(
    call: Call, request: common.GenerateIdTokenRequest
) -> common.GenerateIdTokenResponse:
    if not request.audience:
        raise invalid("audience", "An audience is required.")
    account = chain(call, request.name, request.delegates, "iam.serviceAccounts.getOpenIdToken")
    token = await tokens.id_token(call.state, account, request.audience, request.include_email)
    return common.GenerateIdTokenResponse(token=token)


@serves(CREDENTIALS)
async def sign_blob(call: Call, request: common.SignBlobRequest) -> common.SignBlobResponse:
    if not request.payload:
        raise invalid("payload", "A payload is required.")
    account = chain(call, request.name, request.delegates, "iam.serviceAccounts.signBlob")
    key = await account.system_key.key()
    return common.SignBlobResponse(key_id=key.key_id, signed_blob=key.sign(request.payload))


@serves(CREDENTIALS)
async def sign_jwt(call: Call, request: common.SignJwtRequest) -> common.SignJwtResponse:
    claims(request.payload)
    account = chain(call, request.name, request.delegates, "iam.serviceAccounts.signJwt")
    key = await account.system_key.key()
    return common.SignJwtResponse(key_id=key.key_id, signed_jwt=key.sign_jwt(request.payload))


def claims(payload: str) -> dict[str, Any]:
    """Return the claims of a payload; `exp` may be at most 12 hours ahead."""
    try:
        found = json.loads(payload)
    except ValueError:
        raise invalid("payload", "The payload must be a JSON object.") from None
    if not isinstance(found, dict):
        raise invalid("payload", "The payload must be a JSON object.")
    expires = found.get("exp")
    if expires is None:
        return found
    if type(expires) is not int:
        raise invalid("payload", "The exp claim must be an integer.")
    if not 0 <= expires - int(time.time()) <= TWELVE_HOURS:
        raise invalid("payload", "The exp claim must be within the next 12 hours.")
    return found

"""The two signing methods of the admin service that the credentials service replaced."""

import json
import time

from google.cloud.iam_admin_v1.types import iam

from .credentials import HOUR, claims
from .methods import ADMIN, Call, serves
from .names import account_of
from .rejections import invalid


@serves(ADMIN)
async def sign_blob(call: Call, request: iam.SignBlobRequest) -> iam.SignBlobResponse:
    if not request.bytes_to_sign:
        raise invalid("bytes_to_sign", "The bytes to sign are required.")
    account = account_of(call.state, request.name, "iam.serviceAccounts.signBlob")
    key = await account.system_key.key()
    return iam.SignBlobResponse(key_id=key.key_id, signature=key.sign(request.bytes_to_sign))


@serves(ADMIN)
async def sign_jwt(call: Call, request: iam.SignJwtRequest) -> iam.SignJwtResponse:
    found = claims(request.payload)
    account = account_of(call.state, request.name, "iam.serviceAccounts.signJwt")
    key = await account.system_key.key()
    payload = request.payload
    if "exp" not in found:
        payload = json.dumps(found | {"exp": int(time.time()) + HOUR})
    return iam.SignJwtResponse(key_id=key.key_id, signed_jwt=key.sign_jwt(payload))

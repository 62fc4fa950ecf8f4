"""What the local IAM answers over HTTP: tokens, public keys, its services as REST."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from google.protobuf import json_format

from ..api import rest, tokens
from ..api.methods import CREDENTIALS, METHODS, Method
from ..api.rejections import Rejection, not_found
from ..api.signing import jwk
from ..api.state import Account
from .http_server import Request, Response
from .service import Service

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_TOKEN_URIS = {
    "https://oauth2.googleapis.com/token",
    "https://www.googleapis.com/oauth2/v4/token",
    "https://accounts.google.com/o/oauth2/token",
}
HOUR = 3600
HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
Route = Callable[["Endpoints", Request, str], Awaitable[Response]]


class Endpoints:
    """Answers HTTP requests from the state of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._state = service.state

    async def answer(self, request: Request) -> Response:
        """Return the response to a request; 404 for a path that is not served."""
        target = urlsplit(request.path)
        path = unquote(target.path)
        for method, pattern, route in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                try:
                    return await route(self, request, match[1] if match.groups() else "")
                except Rejection as rejection:
                    return _error(rejection)
        return await self._transcoded(request, target.path, target.query)

    async def _token(self, request: Request, _: str) -> Response:
        self._service.recorder.token_request()
        form = {key: values[0] for key, values in parse_qs(request.body.decode("latin-1")).items()}
        if form.get("grant_type") != GRANT:
            return _refusal("unsupported_grant_type", f"The grant type must be {GRANT}.")
        try:
            claims, account, _key = tokens.decode(self._state, form.get("assertion", ""))
        except Rejection as rejection:
            return _refusal("invalid_grant", rejection.message)
        if not tokens.names_one(claims.get("aud"), {self._state.token_uri, *GOOGLE_TOKEN_URIS}):
            return _refusal("invalid_grant", f"Invalid audience: {claims.get('aud')}.")
        if account.disabled:
            return _refusal("invalid_grant", "The service account is disabled.")
        if "target_audience" in claims:
            token = await tokens.id_token(
                self._state, account, str(claims["target_audience"]), True
            )
            return Response(200, {"id_token": token})
        token = tokens.issue(
            self._state, account.email, str(claims.get("scope", "")).split(), tokens.after(HOUR)
        )
        return Response(
            200, {"access_token": token, "expires_in": HOUR - 1, "token_type": "Bearer"}
        )

    async def _google_certificates(self, request: Request, _: str) -> Response:
        key = await self._state.google_key.key()
        return _public({key.key_id: key.certificate.decode()})

    async def _google_keys(self, request: Request, _: str) -> Response:
        key = await self._state.google_key.key()
        return _public({"keys": [jwk(key.key_id, key.private_key.public_key())]})

    async def _account_certificates(self, request: Request, email: str) -> Response:
        account = self._state.account(email)
        if account is None:
            return Response(404, {})
        system = await account.system_key.key()
        held = {k.key_id: k.certificate.decode() for k in _published(account)}
        return _public({system.key_id: system.certificate.decode(), **held})

    async def _account_keys(self, request: Request, email: str) -> Response:
        account = self._state.account(email)
        if account is None:
            return Response(404, {})
        system = await account.system_key.key()
        held = [jwk(k.key_id, k.public_key) for k in _published(account)]
        return _public({"keys": [jwk(system.key_id, system.private_key.public_key()), *held]})

    async def _allowed_locations(self, request: Request, email: str) -> Response:
        self._service.check_bearer(request.headers.get("authorization"))
        return Response(200, {"locations": [], "encodedLocations": "0x0"})

    async def _rest(self, request: Request, target: str) -> Response:
        account, _, verb = target.rpartition(":")
        method = METHODS.get(f"/{CREDENTIALS}/{verb[:1].upper()}{verb[1:]}")
        if method is None:
            raise not_found(f"{verb} is not a method.")
        response = await self._service.answer(
            method,
            lambda: _from_json(method, f"projects/-/serviceAccounts/{account}", request.body),
            request.headers.get("authorization"),
            request.connection,
        )
        return Response(200, json.loads(type(response).to_json(response)))

    async def _transcoded(self, request: Request, path: str, query: str) -> Response:
        found = rest.find(request.method, path)
        if found is None:
            return Response(404, {"error": {"code": 404, "message": f"{path} is not served."}})
        method, rule, name = found
        try:
            response = await self._service.answer(
                method,
                lambda: rest.read(method, rule, name, query, request.body),
                request.headers.get("authorization"),
                request.connection,
            )
        except Rejection as rejection:
            return _error(rejection)
        return Response(200, rest.write(response, query))


def _from_json(method: Method, name: str, body: bytes) -> Any:
    content = json.loads(body or b"{}")
    return method.request_type.from_json(json.dumps({**content, "name": name}))


def _published(account: Account) -> list[Any]:
    return [key for key in account.keys.values() if not key.disabled]


def _public(content: Any) -> Response:
    return Response(200, content, {"cache-control": "public, max-age=60"})


def _refusal(error: str, description: str) -> Response:
    return Response(400, {"error": error, "error_description": description})


def _error(rejection: Rejection) -> Response:
    code = HTTP_STATUS.get(rejection.code.name, 500)
    status = json_format.MessageToDict(rejection.status())
    return Response(
        code,
        {
            "error": {
                "code": code,
                "message": rejection.message,
                "status": rejection.code.name,
                "details": status.get("details", []),
            }
        },
    )


ACCOUNT = r"/v1/projects/-/serviceAccounts/"
ROUTES: tuple[tuple[str, str, Route], ...] = (
    ("POST", r"/(?:token|oauth2/v4/token)", Endpoints._token),
    ("GET", r"/oauth2/v1/certs", Endpoints._google_certificates),
    ("GET", r"/oauth2/v3/certs", Endpoints._google_keys),
    (
        "GET",
        r"/(?:robot|service_accounts)/v1/metadata/x509/([^/]+)",
        Endpoints._account_certificates,
    ),
    ("GET", r"/service_accounts/v1/(?:metadata/)?jwk/([^/]+)", Endpoints._account_keys),
    ("GET", ACCOUNT + r"([^/]+)/allowedLocations", Endpoints._allowed_locations),
    ("POST", ACCOUNT + r"([^/]+:\w+)", Endpoints._rest),
)

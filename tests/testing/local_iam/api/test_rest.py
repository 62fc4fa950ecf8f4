"""The rules of REST, against the REST transports of the installed package."""

# google-auth has no types
# mypy: disallow-untyped-calls=False

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from recipes.testing.local_iam import LocalIAM
from recipes.testing.local_iam.api import rest
from recipes.testing.local_iam.doors.service import Service
from tests.support import installed_clients as installed

BASE = "https://iam.googleapis.com"
NAME = "/v3/organizations/9999/locations/global/principalAccessBoundaryPolicies"
DENY = "/v2/policies/cloudresourcemanager.googleapis.com%2Forganizations%2F9999/denypolicies"


def options() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each rule of each REST transport with the path that gRPC calls the method by."""
    for client in installed.clients().values():
        transport = installed.transports(client).get("rest")
        if transport is None or client.__name__ == "IAMCredentialsClient":
            continue
        version = client.__module__.split(".")[2].removeprefix("iam_")
        service = f"google.iam.{version}.{client.__name__.removesuffix('Client')}"
        for name, base in vars(transport.__mro__[1]).items():
            if not hasattr(base, "_get_http_options"):
                continue
            method = name.removeprefix("_Base")
            own = "google.longrunning.Operations" if method == "GetOperation" else service
            for option in base._get_http_options():
                yield f"/{own}/{method}", option


OPTIONS = list(options())


def test_there_are_rules_to_compare() -> None:
    """Four packages with REST have more than a hundred."""
    assert Service is not None
    assert len(OPTIONS) > 100


@pytest.mark.parametrize(
    ("path", "option"), OPTIONS, ids=[f"{o['method']} {o['uri']} {p}" for p, o in OPTIONS]
)
def test_a_rule_of_the_client_leads_to_its_method(path: str, option: dict[str, str]) -> None:
    """Verb and path find the method; body and variable are the fields that the client means.

    What the variable holds is decoded, but for characters such as the slash.
    """
    variable, template = re.findall(r"\{([\w.]+)=([^}]+)\}", option["uri"])[0]
    sent = template.replace("*", "%61%2Fb")
    found = rest.find(option["method"].upper(), re.sub(r"\{.*\}", sent, option["uri"]))
    assert found is not None
    method, rule, name = found
    assert (method.path, rule.variable, rule.body) == (path, variable, option.get("body", ""))
    assert name == template.replace("*", "a%2Fb")


@pytest.fixture
def headers(local_iam: LocalIAM) -> dict[str, str]:
    """Return the headers of a request that the service authenticates."""
    path = local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"]
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    caller: Any = service_account.Credentials.from_service_account_file(path, scopes=scopes)
    caller.refresh(Request())
    return {"authorization": f"Bearer {caller.token}"}


@pytest.fixture
def made(headers: dict[str, str], new_id: str) -> str:
    """Create a principal access boundary policy by hand; return its path."""
    rule = {"effect": "ALLOW", "resources": ["//cloudresourcemanager.googleapis.com/folders/1"]}
    parameters = {"principalAccessBoundaryPolicyId": new_id}
    body: Any = {"displayName": "d", "details": {"rules": [rule]}}
    answer = requests.post(
        f"{BASE}{NAME}", params=parameters, json=body, headers=headers, timeout=10
    )
    assert answer.status_code == 200, answer.text
    return f"{NAME}/{new_id}"


def test_an_enum_is_a_name_unless_a_number_is_asked_for(headers: dict[str, str], made: str) -> None:
    """As in the service: names for people, numbers for the client libraries."""
    effects = []
    for parameters in ({}, {"$alt": "json;enum-encoding=int"}):
        answer = requests.get(f"{BASE}{made}", params=parameters, headers=headers, timeout=10)
        effects.append(answer.json()["details"]["rules"][0]["effect"])
    assert effects == ["ALLOW", 1]


def test_a_query_sets_fields_and_the_body_the_resource(headers: dict[str, str], made: str) -> None:
    """An update by mask that is only looked at, then one that is kept."""
    for validate_only, shown in (("true", "d"), ("false", "other")):
        parameters = {"updateMask": "displayName", "validateOnly": validate_only}
        answer = requests.patch(
            f"{BASE}{made}",
            params=parameters,
            json={"displayName": "other"},
            headers=headers,
            timeout=10,
        )
        assert answer.json()["name"].startswith("organizations/9999/locations/global/operations/")
        read = requests.get(f"{BASE}{made}", headers=headers, timeout=10).json()
        assert read["displayName"] == shown


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("GET", f"{NAME}/nothing-here", None, (404, "NOT_FOUND")),
        ("GET", f"{NAME}?pageSize=many", None, (400, "INVALID_ARGUMENT")),
        ("GET", f"{NAME}?colour=red", None, (400, "INVALID_ARGUMENT")),
        ("POST", NAME, "[]", (400, "INVALID_ARGUMENT")),
        ("POST", NAME, "{", (400, "INVALID_ARGUMENT")),
        ("PATCH", f"{NAME}/nothing-here", "[]", (400, "INVALID_ARGUMENT")),
        ("GET", f"{DENY}/nothing-here", None, (404, "NOT_FOUND")),
        ("DELETE", f"{DENY}/nothing-here", None, (404, "NOT_FOUND")),
    ],
)
def test_an_error_has_the_status_of_its_code(
    headers: dict[str, str], verb: str, path: str, body: str | None, status: tuple[int, str]
) -> None:
    """The HTTP status, and the code by name in the body."""
    answer = requests.request(verb, f"{BASE}{path}", data=body, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error"]["status"]) == status


def test_a_stranger_is_401(local_iam: LocalIAM) -> None:
    """Without a bearer token no method answers."""
    for path in (NAME, DENY, "/v3/organizations/9999/locations/global/operations/x"):
        answer = requests.get(f"{BASE}{path}", timeout=10)
        assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("path", ["/v2/policies/x", "/v4/a", f"/v1{NAME[3:]}", f"{NAME}:fly"])
def test_an_unknown_path_is_404(headers: dict[str, str], path: str) -> None:
    """Another version, another shape, another verb."""
    answer = requests.get(f"{BASE}{path}", headers=headers, timeout=10)
    assert answer.status_code == 404

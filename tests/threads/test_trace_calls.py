"""Tracing calls across threads: context, spans, and a log without secrets."""

import base64
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from recipes.testing.local_iam import LocalIAM
from tests.book import BOOK, ROOT
from tests.runner import answers
from tests.support.live import SECONDS, live
from tests.support.recipes import Cook, Stands

FILE = "threads/trace_calls"
GENERATE = "GenerateAccessToken"
TICKET = "TICKET-7"
THREADS = 8
REASON = "x-goog-request-reason"
LOOK_UP = "GOOGLE_SDK_EXPERIMENTAL_PYTHON_REGIONAL_ACCESS_BOUNDARY_LOOKUP_ENABLED"
"""Has google-auth make a request of its own at the first call, and log it."""
TOKENS = ("ya29.", "eyJ", "Bearer")
"""How access tokens, JWTs, and headers with either begin."""


@pytest.mark.parametrize(("file", "start_method"), BOOK.variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe's threads know the ticket; those of the twin do not."""
    stands(file, start_method)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def traced(file: Path, local_iam: LocalIAM) -> list[dict[str, Any]]:
    """Run the recipe, and return the lines of its log and of its spans."""
    with live(FILE, TICKET, str(file)) as running:
        running.send(local_iam.service_accounts)
        running.finish()
    return lines(file)


def events(seen: list[dict[str, Any]], beginning: str) -> list[dict[str, Any]]:
    return [line for line in seen if line.get("message", "").startswith(beginning)]


def test_every_call_names_the_ticket(tmp_path: Path, local_iam: LocalIAM) -> None:
    """The request of each account bears the ticket in a header, and both its lines show it."""
    seen = traced(tmp_path / "trace", local_iam)
    sent, received = events(seen, "Sending request for"), events(seen, "Received response for")
    accounts = {
        line["x-goog-request-params"].rpartition("/")[2].replace("%40", "@") for line in sent
    }

    assert set(local_iam.service_accounts) == accounts
    assert len(accounts) == len(sent) == len(received)
    assert {TICKET} == {line["ticket"] for line in (*sent, *received)}
    assert {TICKET} == {line[REASON] for line in sent}


def test_every_span_is_a_child_of_the_job(tmp_path: Path, local_iam: LocalIAM) -> None:
    """There is one trace; each call has a span in it, and two lines of the log under its id."""
    local_iam.slow(2, method=GENERATE)
    seen = traced(tmp_path / "trace", local_iam)
    spans = [line for line in seen if "parent_id" in line]
    (job,) = (span for span in spans if span["name"] == "mint all")
    mints = [span for span in spans if span["name"] == "mint"]
    logged = [line["span_id"] for line in seen if line.get("message", "").endswith((GENERATE, "."))]

    assert None is job["parent_id"]
    assert {job["context"]["span_id"]} == {span["parent_id"] for span in mints}
    assert {job["context"]["trace_id"]} == {span["context"]["trace_id"] for span in mints}
    assert sorted(local_iam.service_accounts) == sorted(
        span["attributes"]["account"] for span in mints
    )
    assert [2] * len(mints) == [
        logged.count(span["context"]["span_id"].removeprefix("0x")) for span in mints
    ]
    assert THREADS == local_iam.observe().most_in_flight


def test_spans_of_two_runs_are_two_traces(tmp_path: Path, local_iam: LocalIAM) -> None:
    """A second run appends to the file, in a trace of its own."""
    for _ in range(2):
        seen = traced(tmp_path / "trace", local_iam)
    traces = {line["context"]["trace_id"] for line in seen if "parent_id" in line}

    assert 2 == len(traces)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails is named with the error, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert sorted(local_iam.service_accounts) == sorted(email for email, _ in answers(run.stderr))


def test_span_of_a_failed_call_holds_the_error(tmp_path: Path, local_iam: LocalIAM) -> None:
    """A failed call has its span too, with the error as its status."""
    local_iam.fail("PERMISSION_DENIED", method=GENERATE)
    seen = traced(tmp_path / "trace", local_iam)
    statuses = [line["status"] for line in seen if line.get("name") == "mint"]

    assert len(local_iam.service_accounts) == len(statuses)
    assert {"ERROR"} == {status["status_code"] for status in statuses}
    assert all("PermissionDenied" in status["description"] for status in statuses)


def test_retry_is_logged_under_the_call_that_it_repeats(
    tmp_path: Path, local_iam: LocalIAM
) -> None:
    """What the client logs of a repeated attempt has the ticket and the span of its call."""
    local_iam.fail("UNAVAILABLE", rate=0.5, method=GENERATE)
    file = tmp_path / "trace"
    seen = traced(file, local_iam)
    retries = events(seen, "Retrying due to")
    spans = {line["context"]["span_id"] for line in seen if line.get("name") == "mint"}

    assert retries
    assert {TICKET} == {line["ticket"] for line in retries}
    assert {f"0x{line['span_id']}" for line in retries} <= spans
    assert [] == [token for token in TOKENS if token in file.read_text()]


def test_file_that_cannot_be_written_is_one_line(
    tmp_path: Path, cook: Cook, local_iam: LocalIAM
) -> None:
    """The line names the file, and no call is made that nobody could trace."""
    file = tmp_path / "no such folder" / "trace"
    run = cook(FILE, TICKET, str(file))

    assert "raises SystemExit" == str(run.outcome)
    assert [f"[Errno 2] No such file or directory: '{file}'"] == run.stderr.splitlines()
    assert 0 == local_iam.observe().calls.get(GENERATE, 0)


def test_twin_makes_no_call(cook: Cook, local_iam: LocalIAM) -> None:
    """A thread that does not know the ticket asks nothing of the service."""
    cook(f"{FILE}_broken")

    assert 0 == local_iam.observe().calls.get(GENERATE, 0)


@pytest.mark.parametrize("scope", ["google", "google.cloud", "google.auth"])
def test_no_token_is_written_anywhere(
    tmp_path: Path, cook: Cook, local_iam: LocalIAM, scope: str
) -> None:
    """Whatever the variable says, neither the file nor the outputs hold a token."""
    file = tmp_path / "trace"
    run = cook(FILE, TICKET, str(file), GOOGLE_SDK_PYTHON_LOGGING_SCOPE=scope)
    written = file.read_text() + run.stdout + run.stderr

    assert "ok" == str(run.outcome)
    assert len(local_iam.service_accounts) == len(answers(run.stdout))
    assert "" == run.stderr
    assert [] == [token for token in TOKENS if token in written]


def log_everything(recipe: str, file: Path, email: str) -> dict[str, list[str]]:
    """Call every method that handles a secret; return the secrets by transport."""
    program = Path(__file__).with_name("log_everything.py")
    done = subprocess.run(
        [sys.executable, str(program), recipe, str(file), email],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=SECONDS,
        cwd=ROOT,
        env={**os.environ, LOOK_UP: "true"},
    )
    secrets: dict[str, list[str]] = json.loads(done.stdout)
    return secrets


def forms(secret: str) -> list[str]:
    """List what of a secret a log could hold: it, its parts, and it decoded or encoded."""
    parts = [part for part in secret.split(".") if len(part) > len("ya29")]
    texts = [secret, *parts, base64.b64encode(secret.encode()).decode()]
    with suppress(ValueError):
        texts.append(base64.b64decode(secret, validate=True).decode())
    return texts


def test_no_method_leaves_a_secret_in_the_log(tmp_path: Path, local_iam: LocalIAM) -> None:
    """Nothing of any secret is in the log: by gRPC, REST and asyncio, of calls and of errors."""
    file = tmp_path / "trace"
    by_transport = log_everything(str(BOOK.path(FILE)), file, local_iam.service_accounts[0])
    secrets = [secret for secrets in by_transport.values() for secret in secrets]
    log = file.read_text()

    assert [] == [text for secret in secrets for text in forms(secret) if text in log]
    assert [] == [token for token in TOKENS if token in log]
    assert len(events(lines(file), "Sending request for")) > len(secrets)


def test_the_formatter_of_the_client_writes_every_secret(
    tmp_path: Path, local_iam: LocalIAM
) -> None:
    """The same calls leave every secret of gRPC in the log that the client writes by itself."""
    file = tmp_path / "log"
    secrets = log_everything("-", file, local_iam.service_accounts[0])
    log = file.read_text()

    assert [] == [secret for secret in secrets["grpc"] if secret not in log]
    assert [] == [token for token in TOKENS if token not in log]

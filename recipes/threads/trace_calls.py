# /// script
# requires-python = ">=3.10"
# dependencies = ["google-cloud-iam>=2.19", "opentelemetry-sdk>=1.27"]
# ///
"""Mint an access token for each service account; calls, spans and log lines name the ticket.

Usage: gcloud iam service-accounts list --format='value(email)' |
           python trace_calls.py TICKET TRACE_FILE
"""

import json
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import iam_credentials_v1
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

THREADS = 8
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
REASON = "x-goog-request-reason"  # the header that Google's audit logs keep
SHOWN = (REASON, "x-goog-request-params")  # the headers that hold no secret

Client = iam_credentials_v1.IAMCredentialsClient

ticket: ContextVar[str] = ContextVar("ticket")  # no default: who calls must know it
tracer = trace.get_tracer("trace_calls")


class WithoutSecrets(logging.Formatter):
    """Writes what is named here and no more: payloads and headers hold tokens and keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Runs in the thread that logs, so what it asks the context for is the call's."""
        span = trace.get_current_span().get_span_context()
        headers = getattr(record, "metadata", None) or {}
        shown = {"time": self.formatTime(record), "logger": record.name, "ticket": ticket.get(None)}
        shown |= {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
        shown |= {name: headers[name] for name in SHOWN if name in headers}
        return json.dumps(shown | {"message": record.getMessage()})


def log_and_trace_to(path: str) -> None:
    os.environ.pop("GOOGLE_SDK_PYTHON_LOGGING_SCOPE", None)  # its lines show the tokens
    handler = logging.FileHandler(path)
    assert handler.stream
    handler.setFormatter(WithoutSecrets())
    logger = logging.getLogger("google")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # to handlers that would write all of a record
    spans = TracerProvider()  # at exit it writes the spans that are not written yet
    lines = ConsoleSpanExporter(
        out=handler.stream, formatter=lambda span: f"{span.to_json(None)}\n"
    )
    spans.add_span_processor(BatchSpanProcessor(lines))
    trace.set_tracer_provider(spans)


def mint(client: Client, email: str) -> tuple[str, str]:
    """Runs in a thread of the pool: the ticket and the parent span are what its context holds."""
    name = f"projects/-/serviceAccounts/{email}"
    try:
        why = [(REASON, ticket.get())]
        with tracer.start_as_current_span("mint", attributes={"account": email}):
            # with what the client tries again: at most 70 s
            token = client.generate_access_token(name=name, scope=[SCOPE], timeout=10, metadata=why)
        return f"valid until {token.expire_time:%Y-%m-%d %H:%M} UTC", ""
    except Exception as error:
        return "", " ".join(str(error).split()) or type(error).__name__


def main(number: str, path: str) -> int:
    ticket.set(number)
    log_and_trace_to(path)
    emails = sys.stdin.read().split()
    failures = 0
    job = tracer.start_as_current_span("mint all")
    with Client() as client, ThreadPoolExecutor(THREADS) as threads, job:
        # each call has a copy of its own: no two threads can be in one context at a time
        copies = [copy_context() for _ in emails]
        answers = threads.map(lambda copy, email: copy.run(mint, client, email), copies, emails)
        for email, (validity, error) in zip(emails, answers, strict=True):
            failures += bool(error)
            print(email, error or validity, sep="\t", file=sys.stderr if error else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (DefaultCredentialsError, OSError) as error:  # the latter: of the file
        sys.exit(str(error))

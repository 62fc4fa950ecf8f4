"""The table of what the clients do where a call sets nothing."""

import json
import subprocess
import sys

from _ext.default_timeouts import default_timeouts
from tests.book import ROOT
from tests.support.client_defaults import defaults
from tests.support.installed_clients import clients, is_async

CONSTRUCTED = """
import json
from google.auth.credentials import AnonymousCredentials
from tests.support.installed_clients import clients, is_async

found = []
for name, client in clients().items():
    if not is_async(name):
        transport = client(credentials=AnonymousCredentials()).transport
        for call, wrapped in transport._wrapped_methods.items():
            attempts = wrapped._retry._timeout if wrapped._retry else None
            method = str(call._method).rpartition("/")[2].rstrip("'")
            found.append([name, method, wrapped._timeout, attempts])
print(json.dumps(found))
"""


def test_defaults_are_those_of_clients_as_programs_construct_them() -> None:
    """A client with a channel has the same timeouts and retries, and no other methods."""
    command = [sys.executable, "-c", CONSTRUCTED]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=120)
    read = [
        [each.client, each.method.title().replace("_", ""), each.timeout, each.begins]
        for each in defaults()
    ]

    assert sorted(json.loads(run.stdout), key=str) == sorted(read, key=str)
    assert [] == [each for each in defaults() if bool(each.retried) != (each.begins is not None)]


def test_table_names_every_method_of_every_client() -> None:
    """Each stands in a row with its client, and no client of the package is left out."""
    lines = default_timeouts().splitlines()
    missing = [
        each
        for each in defaults()
        if not any(f"`{each.client}`" in line and f"`{each.method}`" in line for line in lines)
    ]

    assert "| timeout | retried | methods | client |" == lines[0]
    named = {each.client for each in defaults()}
    assert {name for name in clients() if not is_async(name)} == named
    assert [] == missing

"""The life of the process: start, files, several at once, and an end that leaves nothing behind."""

import ast
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import recipes.testing.local_iam as package
from recipes.testing.local_iam import LocalIAM, LocalIAMControl, LocalIAMError

Client = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(package.__file__).parents[3]
LIST = """
    from google.cloud import iam_admin_v1
    client = iam_admin_v1.IAMClient()
    import os
    name = "projects/" + os.environ["GOOGLE_CLOUD_PROJECT"]
    print(*[found.email for found in client.list_service_accounts(name=name, timeout=20)])
"""

LOOK_UP = "GOOGLE_SDK_EXPERIMENTAL_PYTHON_REGIONAL_ACCESS_BOUNDARY_LOOKUP_ENABLED"


def directory(local_iam: LocalIAM) -> Path:
    """Return the private directory of a local IAM."""
    return Path(local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"]).parent


@pytest.mark.parametrize("bits", [1024, 2048])
def test_callers_key_has_the_size_that_was_wanted(
    client: Client, bits: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """The service accepts calls that are signed with a key of either size, without a warning."""
    with LocalIAM(1, caller_key_bits=bits) as local_iam:
        stored = Path(local_iam.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text("utf-8")
        key = load_pem_private_key(json.loads(stored)["private_key"].encode(), None)
        listed = client(LIST, local_iam).stdout.split()

    assert isinstance(key, RSAPrivateKey)
    assert bits == key.key_size
    assert local_iam.service_accounts == listed
    assert "" == capfd.readouterr().err


def wait(condition: Callable[[], bool]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_private_files_are_the_owners_alone(local_iam: LocalIAM) -> None:
    """The directory has mode 0700, the files 0600, and no private key of the server is there."""
    found = directory(local_iam)
    assert stat.S_IMODE(found.stat().st_mode) == 0o700
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in found.iterdir()}
    assert files == {"ca.pem": 0o600, "key.json": 0o600}
    assert "PRIVATE" not in (found / "ca.pem").read_text()


def test_the_environment_is_documented(local_iam: LocalIAM) -> None:
    """Each variable is explained on the page."""
    page = (ROOT / "docs/testing/local-iam.md").read_text()
    for name in local_iam.environment:
        assert f"`{name}`" in page


def test_instances_run_side_by_side(client: Client) -> None:
    """Two at once have accounts, keys and authorities of their own."""
    with LocalIAM(2, project="first-one") as first, LocalIAM(3, project="second-one") as second:
        assert directory(first) != directory(second)
        assert client(LIST, first).stdout.split() == first.service_accounts
        assert client(LIST, second).stdout.split() == second.service_accounts
        key = "GOOGLE_APPLICATION_CREDENTIALS"
        mixed = {**second.environment, key: first.environment[key]}
        assert "Unauthenticated" in client(LIST, LocalIAMControl({"environment": mixed})).stderr
    assert (len(first.service_accounts), len(second.service_accounts)) == (2, 3)


def test_nothing_is_left_behind() -> None:
    """After the block the process, its ports and its files are gone."""
    with LocalIAM(0) as local_iam:
        pid, found = local_iam.pid, directory(local_iam)
        assert local_iam.service_accounts == []
    assert not psutil.pid_exists(pid)
    assert not found.exists()
    with pytest.raises(LocalIAMError, match="does not answer"):
        local_iam.observe()
    with pytest.raises(LocalIAMError, match="with` block"):
        _ = local_iam.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_its_files(number: signal.Signals) -> None:
    """The process removes its files itself."""
    with LocalIAM(0) as local_iam:
        found = directory(local_iam)
        os.kill(local_iam.pid, number)
        wait(lambda: local_iam.poll() is not None)
        assert local_iam.poll() == 0
        assert not found.exists()


def test_files_go_even_after_a_kill() -> None:
    """When the process cannot clean up, the one that started it does."""
    with LocalIAM(0) as local_iam:
        found = directory(local_iam)
        os.kill(local_iam.pid, signal.SIGKILL)
        wait(lambda: local_iam.poll() is not None)
    assert not found.exists()


def test_it_ends_with_a_parent_that_is_killed() -> None:
    """No process and no file outlive a parent that had no time to say goodbye."""
    code = (
        "import time; from recipes.testing.local_iam import LocalIAM\n"
        "with LocalIAM(0) as l:\n"
        "    print(l.pid, l.environment['GOOGLE_APPLICATION_CREDENTIALS'], flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, key_file = parent.stdout.readline().split()
        assert Path(key_file).exists()
        parent.kill()
    wait(lambda: not psutil.pid_exists(int(pid)) and not Path(key_file).parent.exists())


def test_a_fork_of_a_killed_parent_does_not_keep_it() -> None:
    """A forked child holds the parent's pipe open; that is no reason to stay."""
    code = (
        "import os, time; from recipes.testing.local_iam import LocalIAM\n"
        "with LocalIAM(0) as local_iam:\n"
        "    child = os.fork()\n"
        "    if child: print(local_iam.pid, child, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, child = map(int, parent.stdout.readline().split())
        parent.kill()
        parent.wait()
        try:
            wait(lambda: not psutil.pid_exists(pid))
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_fork_of_the_owner_does_not_end_it() -> None:
    """A forked child that leaves the `with` block leaves the process and its files alone."""
    code = (
        "import os; from recipes.testing.local_iam import LocalIAM\n"
        "with LocalIAM(0) as local_iam:\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        local_iam.close(); os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "    local_iam.observe()\n"
        "    key_file = local_iam.environment['GOOGLE_APPLICATION_CREDENTIALS']\n"
        "    print(local_iam.poll(), os.path.exists(key_file))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "None True\n"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the private directories of a test where it can count them."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_port_in_use_is_one_clear_error(temporary: Path) -> None:
    """It names the port, and nothing stays behind."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in ("port", "token_port", "control_port"):
            with pytest.raises(LocalIAMError, match=f"port {port}") as caught:
                LocalIAM(0, **{option: port}).__enter__()
            assert "\n" not in str(caught.value)
            assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("project", ["", "a/b", "Upper-Case", "x" * 40, "ends-with-"])
def test_a_bad_project_is_one_clear_error(project: str, temporary: Path) -> None:
    """It says what a project id looks like, and nothing stays behind."""
    with pytest.raises(LocalIAMError, match="is not 6 to 22 lower-case letters"):
        LocalIAM(0, project=project).__enter__()
    assert list(temporary.iterdir()) == []


def test_it_can_be_ended_while_it_starts() -> None:
    """A signal before the first line leaves no file behind."""
    with tempfile.TemporaryDirectory() as place:
        process = subprocess.Popen(
            [sys.executable, "-m", "recipes.testing.local_iam.process", "{}", str(os.getpid())],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": place},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with process:
            wait(lambda: any(Path(place).iterdir()))
            process.terminate()
            assert process.wait(15) == 0
        assert list(Path(place).iterdir()) == []


def test_a_port_can_be_chosen() -> None:
    """The tunnel listens where it was told to, and a stop does not lose the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with LocalIAM(0, port=port) as local_iam:
        assert local_iam.environment["grpc_proxy"] == f"http://127.0.0.1:{port}"
        local_iam.stop()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        local_iam.start()


def test_the_parent_imports_the_standard_library_alone() -> None:
    """A process that starts a local IAM holds no gRPC state: it may fork."""
    code = (
        "import sys; from recipes.testing.local_iam import LocalIAM\n"
        "with LocalIAM(0): print(sorted({name.partition('.')[0] for name in sys.modules}"
        " - set(sys.stdlib_module_names)))"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    outside = set(ast.literal_eval(ran.stdout)) - {"__main__", "recipes"}
    assert not {name for name in outside if re.match("grpc|google|proto|crypto", name)}


def test_the_folder_can_be_copied(tmp_path: Path) -> None:
    """Under another name in another project it runs all the same."""
    source = Path(package.__file__).parent
    shutil.copytree(source, tmp_path / "my_fake", ignore=shutil.ignore_patterns("__pycache__"))
    ran = subprocess.run(
        [sys.executable, "-m", "my_fake", "run", "--", "env"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "grpc_proxy=http://127.0.0.1:" in ran.stdout


def test_a_program_can_ask_for_its_local_iam(
    local_iam: LocalIAM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment leads to the control of the same local IAM, or to an error that says how."""
    found = LocalIAMControl.from_environment()
    assert found.service_accounts == local_iam.service_accounts
    assert found.environment == local_iam.environment
    assert found.observe() == local_iam.observe()
    monkeypatch.delenv("LOCAL_IAM_CONTROL")
    with pytest.raises(LocalIAMError, match="run -- COMMAND"):
        LocalIAMControl.from_environment()


def test_only_loopback_is_ever_reached(local_iam: LocalIAM, client: Client) -> None:
    """A client in a process of its own resolves no name and connects to loopback alone.

    Its background look-up of allowed locations, which it is told to make, is part of the run.
    """
    code = """
        import gc, json, os, sys, threading
        os.environ[LOOK_UP] = "true"
        places = []
        def note(event, arguments):
            if event in ("socket.getaddrinfo", "socket.connect", "socket.gethostbyname"):
                places.append(arguments[0] if event != "socket.connect" else arguments[1][0])
        sys.addaudithook(note)
        from google.cloud import iam_credentials_v1
        client = iam_credentials_v1.IAMCredentialsClient()
        name = "projects/-/serviceAccounts/" + ACCOUNT
        client.sign_blob(name=name, payload=b"x", timeout=20)
        for thread in threading.enumerate():
            if "RegionalAccessBoundary" in type(thread).__name__:
                thread.join(20)
        managers = [
            each for each in gc.get_objects()
            if type(each).__name__ == "_RegionalAccessBoundaryManager"
        ]
        found = any(each._data.encoded_locations == "0x0" for each in managers) or not managers
        print(json.dumps([sorted(set(map(str, places))), found]))
    """.replace("ACCOUNT", repr(local_iam.service_accounts[0])).replace("LOOK_UP", repr(LOOK_UP))
    ran = client(code, local_iam)
    places, answered = json.loads(ran.stdout)
    assert set(places) <= {"127.0.0.1", "localhost"}
    assert places
    assert answered

"""What a reader installs, from the checkout and from a wheel, used on a project of his own.

The environments are made once a session by uv, which the workers of pytest-xdist share. Releases
are those of `requirements.txt`, so that a release of somebody else turns no test red.
"""

import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

ROOT = Path(__file__).parents[2]
OUTSIDE = dict(os.environ)
"""The environment before any test: that of a local IAM leads to no index of packages."""
UV = Path(sys.executable).with_name("uv")
NAME = "iam_concurrency_cookbook"
INSTALLED = {
    "find_shared_clients": ROOT / "recipes/safeguards/find_shared_clients",
    "local_iam": ROOT / "recipes/testing/local_iam",
    "pytest_fork_safety.py": ROOT / "recipes/safeguards/pytest_fork_safety.py",
}
"""What a wheel holds at its top, and where that is in the checkout."""
SECONDS = 300

SHARED = """\
import os

from google.cloud import iam_admin_v1

client = iam_admin_v1.IAMClient()
os.fork()
"""
FINDING = "shared.py:5:10: client-before-fork: "

PROGRAM = """\
import os

from google.cloud import iam_admin_v1

name = f"projects/{os.environ['GOOGLE_CLOUD_PROJECT']}"
with iam_admin_v1.IAMClient() as client:
    print(*[found.email for found in client.list_service_accounts(name=name, timeout=30)])
"""

USES_FIXTURE = """\
from google.cloud import iam_credentials_v1

def test_signature(local_iam):
    name = f"projects/-/serviceAccounts/{local_iam.service_accounts[0]}"
    with iam_credentials_v1.IAMCredentialsClient() as client:
        answer = client.sign_blob(name=name, payload=b"text", timeout=30)
    assert 256 == len(answer.signed_blob)
    assert {"SignBlob": 1} == local_iam.observe().calls
"""

FORKS_DURING_CALL = """\
import os

from google.cloud.iam_credentials_v1 import IAMCredentialsClient, SignBlobRequest

def test_fork(local_iam):
    local_iam.slow(30)
    with IAMCredentialsClient() as client:
        future = client.transport.sign_blob.future(SignBlobRequest(), timeout=30)
        if os.fork() == 0:
            os._exit(0)
"""

LEAVES_CLIENT_OPEN = """\
from google.cloud.iam_credentials_v1 import IAMCredentialsClient

clients = []

def test_client(local_iam):
    clients.append(IAMCredentialsClient())
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    def run(self, project: Path, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of it in a project, with nothing of this one on its paths."""
        return subprocess.run(
            command,
            cwd=project,
            env={"HOME": str(project), "PATH": f"{self.folder / 'bin'}:{os.defpath}"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


def uv(*arguments: object) -> None:
    """Run uv; what it says when it fails is the failure of the test."""
    command = [str(UV), *map(str, arguments)]
    done = subprocess.run(command, env=OUTSIDE, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr


def install(folder: Path, *requirements: str) -> None:
    """Make an environment with the interpreter that runs this."""
    uv("venv", "--quiet", "--python", sys.executable, folder)
    pinned = ("--constraint", ROOT / "requirements.txt")
    uv("pip", "install", "--quiet", "--python", folder / "bin/python", *pinned, *requirements)


def make(base: Path) -> None:
    """Build the wheel and make the environments, from a copy: a build leaves files behind."""
    checkout = base / "copy of the checkout"
    for path in ("pyproject.toml", "README.md", "LICENSE", "recipes"):
        if (ROOT / path).is_dir():
            no_caches = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / path, checkout / path, ignore=no_caches)
        else:
            checkout.mkdir(exist_ok=True)
            shutil.copy(ROOT / path, checkout)
    uv("build", "--quiet", "--wheel", "--out-dir", base, checkout)
    (wheel,) = base.glob("*.whl")
    install(base / "checkout", f"{checkout}[local-iam]", "pytest")
    install(base / "wheel", f"{wheel}[local-iam]", "pytest")
    install(base / "plain", str(wheel), "pytest")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the wheel and the environments, which are made once."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "packaging"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "made").exists():
            make(shared)
            (shared / "made").touch()
    return shared


@pytest.fixture(params=["checkout", "wheel"])
def installed(base: Path, request: pytest.FixtureRequest) -> Environment:
    """Return an environment that has the tools, installed from one or the other, and pytest."""
    return Environment(base / request.param)


@pytest.fixture
def plain(base: Path) -> Environment:
    """Return an environment with what is installed where nobody asks for the local IAM."""
    return Environment(base / "plain")


def test_checker_finds_planted_fault(installed: Environment, tmp_path: Path) -> None:
    """`find-shared-clients` names the line of a client before a fork, and exits with 1."""
    (tmp_path / "shared.py").write_text(SHARED)
    done = installed.run(tmp_path, "find-shared-clients", ".")

    assert 1 == done.returncode, done.stderr
    assert done.stdout.startswith(FINDING)


def test_local_iam_runs_program(installed: Environment, tmp_path: Path) -> None:
    """`local-iam run` runs an unchanged client, which finds the service accounts."""
    (tmp_path / "program.py").write_text(PROGRAM)
    command = ("local-iam", "run", "--service-accounts", "3", "--", "python", "program.py")
    done = installed.run(tmp_path, *command)

    assert 0 == done.returncode, done.stderr
    assert 3 == len(done.stdout.split())


def test_fixture_is_there(installed: Environment, tmp_path: Path) -> None:
    """A test that names the fixture `local_iam` passes in a project that loads no plugin."""
    (tmp_path / "test_signature.py").write_text(USES_FIXTURE)
    done = installed.run(tmp_path, "pytest", "-q")

    assert 0 == done.returncode, done.stdout
    assert "1 passed" in done.stdout


def test_fork_safety_is_loaded_by_name(installed: Environment, tmp_path: Path) -> None:
    """With `-p pytest_fork_safety` a test that forks while a call is in flight fails."""
    (tmp_path / "test_fork.py").write_text(FORKS_DURING_CALL)
    done = installed.run(tmp_path, "pytest", "-q", "-p", "pytest_fork_safety")

    assert 1 == done.returncode, done.stdout
    assert "UnsafeForkError: a fork while a gRPC call is in flight" in done.stdout


def test_fork_safety_leaves_others_alone(installed: Environment, tmp_path: Path) -> None:
    """A project that does not ask for it may leave a client open; one that asks may not."""
    (tmp_path / "test_client.py").write_text(LEAVES_CLIENT_OPEN)
    unasked = installed.run(tmp_path, "pytest", "-q")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p pytest_fork_safety\n")
    asked = installed.run(tmp_path, "pytest", "-q")

    assert 0 == unasked.returncode, unasked.stdout
    assert 1 == asked.returncode, asked.stdout
    assert "the test leaves a client open" in asked.stdout


def test_wheel_is_whole(base: Path) -> None:
    """Each file of the tools is in the wheel, sub-folders too, and nothing else is."""
    (wheel,) = base.glob("*.whl")
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.startswith(f"{NAME}-")}
    wanted = {
        Path(top, path.relative_to(place)).as_posix() if path != place else top
        for top, place in INSTALLED.items()
        for path in [place, *place.rglob("*")]
        if path.is_file() and path.suffix != ".pyc"
    }

    assert wanted == packed


def test_plain_install_says_what_is_missing(plain: Environment, tmp_path: Path) -> None:
    """Without the extra, the local IAM ends with one line that says what to install."""
    (tmp_path / "test_it.py").write_text("def test_it(local_iam): pass")
    line = (
        "cannot start: google is not installed: "
        "pip install google-cloud-iam h11 'pyjwt[crypto]' trustme\n"
    )
    ran = plain.run(tmp_path, "local-iam", "run", "--", "true")
    tested = plain.run(tmp_path, "pytest", "-q")

    assert (f"local IAM: {line}", 70) == (ran.stderr, ran.returncode)
    assert f"LocalIAMError: the local IAM {line}" in tested.stdout


def test_plain_install_is_no_burden(plain: Environment, tmp_path: Path) -> None:
    """Without the extra, no gRPC is installed, and the tests of other projects pass."""
    (tmp_path / "test_it.py").write_text(
        "from importlib.util import find_spec\n\ndef test_it(): assert not find_spec('grpc')"
    )
    done = plain.run(tmp_path, "pytest", "-q", "-W", "error")

    assert 0 == done.returncode, done.stdout


def test_hook_runs_what_is_installed(plain: Environment, tmp_path: Path) -> None:
    """What pre-commit runs after its plain install finds the fault in the code base."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    (tmp_path / "shared.py").write_text(SHARED)
    done = plain.run(tmp_path, *shlex.split(hook["entry"]))

    assert ("python", False) == (hook["language"], hook["pass_filenames"])
    assert 1 == done.returncode, done.stderr
    assert done.stdout.startswith(FINDING)


def test_copy_and_distribution_need_the_same() -> None:
    """The checker's inline metadata has the requirements of the plain install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    file = INSTALLED["find_shared_clients"] / "__main__.py"
    metadata = re.search(r"# /// script\n(.*?)# ///", file.read_text("utf-8"), re.DOTALL)

    assert metadata
    inline = tomllib.loads(metadata[1].replace("# ", ""))
    assert inline["dependencies"] == project["dependencies"]
    assert inline["requires-python"] == project["requires-python"]

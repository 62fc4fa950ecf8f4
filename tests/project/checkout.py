"""A small checkout: the jobs' command line as it is, and one package that stands for all of them.

That package is installed as any other, by uv or pip, from a folder; it leads to what is installed
where the tests run. So an environment is made in a second, without an index.
"""

import hashlib
import os
import shutil
import signal
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[2]
BASE = Path(sys.base_prefix, "bin", "python3")
"""The interpreter below the environment, which a newcomer has."""
INSTALLERS = ("uv", "pip")
JOBS = "cookbook"
"""What the list of jobs names."""


def make_wheel(folder: Path) -> Path:
    """Make a wheel whose one file, of paths, leads to what is installed here."""
    folder.mkdir()
    wheel = folder / "everything-1-py3-none-any.whl"
    about = "everything-1.dist-info"
    files = {
        "everything.pth": "\n".join(site.getsitepackages()),
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: everything\nVersion: 1\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{about}/RECORD", "".join(f"{name},,\n" for name in files))
    return wheel


@dataclass(frozen=True)
class Checkout:
    """A folder with noxfile.py, and how to start it as somebody with an empty home does."""

    folder: Path
    installer: str = "uv"

    @classmethod
    def make(cls, folder: Path, installer: str = "uv") -> "Checkout":
        """Make one in a folder that is not there yet."""
        folder.mkdir(parents=True)
        wheel = make_wheel(folder / "wheels")
        for name in ("noxfile.py", "make_venv.py"):
            shutil.copy(ROOT / name, folder)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (folder / "requirements.txt").write_text(
            f"--no-index\n--find-links {wheel.parent.as_uri()}\n"
            f"everything==1 --hash=sha256:{digest}\n"
        )
        (folder / "bin").mkdir()
        checkout = cls(folder, installer)
        if installer == "uv":
            checkout.add_uv()
        return checkout

    def add_uv(self) -> None:
        """Let uv be on its path; it needs a tenth of the time of pip, which is installed first."""
        (self.folder / "bin" / "uv").symlink_to(Path(sys.executable).with_name("uv"))

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self.folder / ".venv" / "bin" / "python"

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the variables of a shell with an empty home, and these."""
        own = {"HOME": str(self.folder), "PATH": str(self.folder / "bin")}
        return {**own, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", **variables}

    def begin(self, *command: object, **variables: str) -> "subprocess.Popen[str]":
        """Start a command in the checkout, in a session of its own; `noxfile.py --list` of none."""
        return subprocess.Popen(
            list(map(str, command or (BASE, "noxfile.py", "--list"))),
            cwd=self.folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def start(self, *command: object, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the checkout to its end, `noxfile.py --list` where none is given."""
        with self.begin(*command, **variables) as process:
            try:
                out, err = process.communicate(timeout=300)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def make_environment(self) -> None:
        """Make its environment, as a start does, without the list of jobs."""
        made = self.start(BASE, "-c", "import make_venv; make_venv.make_alone()")
        assert 0 == made.returncode, made.stderr

    def change_requirements(self) -> None:
        """Give a reason to make the environment anew."""
        with (self.folder / "requirements.txt").open("a") as file:
            file.write("# changed\n")

    def has_environment(self) -> bool:
        """Say whether its environment can be used: its Python runs, and finds nox."""
        if not self.python.exists():
            return False
        found = "import sys; from importlib.util import find_spec; sys.exit(not find_spec('nox'))"
        return subprocess.call([str(self.python), "-c", found], cwd="/") == 0

    def kept(self) -> list[str]:
        """Name what stands where environments are built, beside the lock and the one in use."""
        in_use = self.python.parents[1].resolve()
        built = (self.folder / ".venvs").iterdir()
        return [path.name for path in built if path.name != "lock" and path != in_use]

"""Starts a local IAM in a process of its own, and speaks to it. Standard library only."""

import http.client
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..doors.observation import Observation

if TYPE_CHECKING:
    from typing_extensions import Self

START_SECONDS = 30.0
STOP_SECONDS = 5.0
CONTROL_SECONDS = 10.0
PROGRAM = __package__.rpartition(".")[0]
ROOT = Path(__file__).resolve().parents[len(__package__.split(".")) - 1].parent


class LocalIAMError(RuntimeError):
    """The local IAM could not start, has ended, or did not understand."""


class LocalIAMControl:
    """Faults and observation of a local IAM that runs, whoever started it."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._description = description

    @classmethod
    def from_environment(cls) -> "LocalIAMControl":
        """Return the control of the local IAM that this process was started with.

        Raises LocalIAMError when the environment names none.
        """
        url = os.environ.get("LOCAL_IAM_CONTROL")
        if not url:
            raise LocalIAMError(
                "LOCAL_IAM_CONTROL is not set: start this program with "
                f"`python -m {PROGRAM} run -- COMMAND`"
            )
        return cls(cls({"control": url}).ask("describe"))

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that make the client of a process talk to this local IAM."""
        return dict(self._description["environment"])

    @property
    def project(self) -> str:
        """Return the id of the project that holds the service accounts."""
        return str(self._description["project"])

    @property
    def service_accounts(self) -> list[str]:
        """Return the e-mails of the service accounts that it started with."""
        return list(self._description["service_accounts"])

    @property
    def caller(self) -> str:
        """Return the e-mail of the account whose key the environment names."""
        return str(self._description["caller"])

    def observe(self) -> Observation:
        """Return what it saw since the last `forget`."""
        return Observation(**self.ask("observe"))

    def forget(self) -> None:
        """Start the observation again."""
        self.ask("forget")

    def slow(
        self, seconds: float, spread: float = 0.0, method: str | None = None, rate: float = 1.0
    ) -> None:
        """Make a share of calls take `seconds` longer, give or take `spread`."""
        self.ask("slow", seconds=seconds, spread=spread, method=method, rate=rate)

    def fail(self, code: str, rate: float = 1.0, method: str | None = None) -> None:
        """Make a share of calls end with a status code, such as "UNAVAILABLE"."""
        self.ask("fail", code=getattr(code, "name", code), rate=rate, method=method)

    def quota(self, per_minute: int, method: str | None = None, minute: float = 60.0) -> None:
        """Answer RESOURCE_EXHAUSTED to calls above a number in a minute of so many seconds."""
        self.ask("quota", per_minute=per_minute, method=method, minute=minute)

    def far(self, seconds: float) -> None:
        """Let everything be `seconds` under way, to the service and back: a distant network."""
        self.ask("far", seconds=seconds)

    def limit_streams(self, number: int) -> None:
        """Let each connection carry so many calls at a time; those that are open are reset."""
        self.ask("limit_streams", number=number)

    def heal(self) -> None:
        """Take every fault away: latency, distance, errors, quotas, limits, refusal and stop."""
        self.ask("heal")

    def cut(self) -> None:
        """Reset every connection."""
        self.ask("cut")

    def refuse(self) -> None:
        """Refuse new connections; those that are open go on."""
        self.ask("refuse")

    def accept(self) -> None:
        """Accept new connections again."""
        self.ask("accept")

    def stop(self) -> None:
        """Stop serving: the ports refuse, every connection is reset, the state stays."""
        self.ask("stop")

    def start(self) -> None:
        """Serve again on the same ports with the same state."""
        self.ask("start")

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Send one request to the control endpoint.

        Raises ValueError for arguments that it rejects and LocalIAMError when it is gone.
        """
        url = urlsplit(self._description["control"])
        connection = http.client.HTTPConnection(
            str(url.hostname), url.port, timeout=CONTROL_SECONDS
        )
        try:
            connection.request("POST", f"{url.path}/{verb}", json.dumps(arguments))
            response = connection.getresponse()
            content = json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            raise LocalIAMError(f"the local IAM does not answer: {error}") from error
        finally:
            connection.close()
        if response.status == 400:
            raise ValueError(content["error"])
        if response.status != 200:
            raise LocalIAMError(f"the local IAM answers {response.status}: {content['error']}")
        return content


class LocalIAM(LocalIAMControl):
    """A local IAM in a process of its own, for the length of a `with` block.

    Raises LocalIAMError, in one line that says what to do, when it cannot start. A port of 0 is
    any free one. `caller_key_bits` is the size of the key that the environment names; IAM makes
    such of 1024 and of 2048, and each process that loads a larger one computes for longer.
    """

    def __init__(
        self,
        service_accounts: int = 20,
        *,
        project: str = "iam-cookbook",
        caller_key_bits: int = 2048,
        port: int = 0,
        token_port: int = 0,
        control_port: int = 0,
    ) -> None:
        super().__init__({})
        self._settings = {
            "service_accounts": service_accounts,
            "project": project,
            "caller_key_bits": caller_key_bits,
            "port": port,
            "token_port": token_port,
            "control_port": control_port,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def __enter__(self) -> "Self":
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GRPC_", "PYTHONSAFEPATH"))
            and name not in ("grpc_proxy", "https_proxy", "http_proxy")
        }
        environment["GRPC_VERBOSITY"] = "NONE"  # a client that breaks its connection is no news
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                __package__,
                json.dumps(self._settings),
                str(self._owner),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        try:
            self._description = self._introduction(self._process)
        except BaseException:
            self.close()
            raise
        return self

    def _introduction(self, process: "subprocess.Popen[bytes]") -> Mapping[str, Any]:
        """Read the line in which the process says how it can be reached."""
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], START_SECONDS)[0]:
            raise LocalIAMError(f"the local IAM did not start within {START_SECONDS:.0f} s")
        line = process.stdout.readline()
        if not line:
            raise LocalIAMError(f"the local IAM ended while it started, {ending(process.wait())}")
        content: Mapping[str, Any] = json.loads(line)
        if "error" in content:
            raise LocalIAMError(f"the local IAM cannot start: {content['error']}")
        return content

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and remove its files; nothing happens in a fork of the owner."""
        if self._process is None or os.getpid() != self._owner:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        if self._description:
            key_file = Path(self.environment["GOOGLE_APPLICATION_CREDENTIALS"])
            shutil.rmtree(key_file.parent, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        return self._running().pid

    def poll(self) -> int | None:
        """Return the exit code of the process, None while it runs."""
        return self._running().poll()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise LocalIAMError("the local IAM is not running: use it in a `with` block")
        return self._process


def ending(code: int) -> str:
    """Say in words how a process ended."""
    return f"killed by signal {-code}" if code < 0 else f"with exit code {code}"

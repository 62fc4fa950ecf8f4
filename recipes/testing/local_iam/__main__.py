"""The command line of the local IAM."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVar

import click

from .process.launcher import LocalIAM, LocalIAMError, ending

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0
LOST_LOCAL_IAM = 70
NOT_EXECUTABLE = 126
NOT_FOUND = 127

Command = TypeVar("Command", bound=Callable[..., Any])


def options(command: Command) -> Command:
    """Add the options that both commands have."""
    number = click.IntRange(min=0)
    port = click.IntRange(0, 65535)
    for option in (
        click.option(
            "--fail-rate",
            type=click.FloatRange(0, 1),
            default=0.0,
            show_default=True,
            help="Share of calls that end with UNAVAILABLE.",
        ),
        click.option(
            "--streams",
            type=click.IntRange(1, 10_000),
            help="Calls at a time on one connection, above them a client waits.",
        ),
        click.option("--quota", type=number, help="Calls a minute, above them RESOURCE_EXHAUSTED."),
        click.option(
            "--spread",
            type=click.FloatRange(min=0),
            default=0.0,
            show_default=True,
            help="Seconds by which the latency varies, up and down.",
        ),
        click.option(
            "--latency",
            type=click.FloatRange(min=0),
            default=0.0,
            show_default=True,
            help="Seconds that each call takes longer.",
        ),
        click.option("--control-port", type=port, default=0, help="Port of the control endpoint."),
        click.option("--token-port", type=port, default=0, help="Port of the token endpoint."),
        click.option(
            "--port", type=port, default=0, help="Port of the tunnel (default: any free one)."
        ),
        click.option(
            "--project",
            default="iam-cookbook",
            show_default=True,
            help="Id of the project that holds the service accounts.",
        ),
        click.option(
            "--service-accounts",
            type=click.IntRange(0, 100_000),
            default=20,
            show_default=True,
            help="Service accounts to start with.",
        ),
    ):
        command = option(command)
    return command


@contextlib.contextmanager
def started(
    latency: float,
    spread: float,
    quota: int | None,
    streams: int | None,
    fail_rate: float,
    **settings: Any,
) -> Iterator[LocalIAM]:
    """Run a local IAM with the faults of the command line."""
    with LocalIAM(**settings) as local_iam:
        if latency or spread:
            local_iam.slow(latency, spread)
        if quota is not None:
            local_iam.quota(quota)
        if streams is not None:
            local_iam.limit_streams(streams)
        if fail_rate:
            local_iam.fail("UNAVAILABLE", fail_rate)
        yield local_iam


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run programs against an IAM service on loopback."""


@main.command(context_settings={"ignore_unknown_options": True})
@options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...], **settings: Any) -> None:
    """Start a local IAM, run COMMAND against it, stop it, exit with the command's code."""
    with _errors(), started(**settings) as local_iam:
        code = supervise(list(command), local_iam)
    sys.exit(code)


def supervise(command: list[str], local_iam: LocalIAM) -> int:
    """Run the command with signals forwarded; return its exit code."""
    environment = {**os.environ, **local_iam.environment}
    received: list[int] = []

    def forward(number: int, _: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        child = subprocess.Popen(command, env=environment)
        while (code := _wait(child)) is None:
            while received:
                _forward(child, received.pop(0))
            ended = local_iam.poll()
            if ended is not None:
                _end(child)
                raise LocalIAMError(f"the local IAM ended while the command ran, {ending(ended)}")
    except FileNotFoundError:
        raise _CommandError(f"command not found: {command[0]}", NOT_FOUND) from None
    except PermissionError:
        raise _CommandError(f"command is not executable: {command[0]}", NOT_EXECUTABLE) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _wait(child: "subprocess.Popen[bytes]") -> int | None:
    try:
        return child.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _forward(child: "subprocess.Popen[bytes]", number: int) -> None:
    """Pass a signal on, unless the terminal has already sent it to the command too."""
    if number in (signal.SIGINT, signal.SIGQUIT) and _in_foreground():
        return
    child.send_signal(number)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class _CommandError(LocalIAMError):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """Turn an error into one line and an exit code."""
    try:
        yield
    except LocalIAMError as error:
        click.echo(f"local IAM: {str(error).removeprefix('the local IAM ')}", err=True)
        sys.exit(getattr(error, "code", LOST_LOCAL_IAM))


@main.command()
@options
def serve(**settings: Any) -> None:
    """Start a local IAM, print its environment as `export` lines, serve until Ctrl-C."""
    with _errors(), started(**settings) as local_iam:
        stopped: list[int] = []
        for number in FORWARDED:
            signal.signal(number, lambda number, _: stopped.append(number))
        for name, value in local_iam.environment.items():
            click.echo(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        click.echo("# serving until Ctrl-C", err=True)
        while not stopped:
            ended = local_iam.poll()
            if ended is not None:
                raise LocalIAMError(f"the local IAM ended, {ending(ended)}")
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main(prog_name=f"python -m {__package__}")

"""Everything of one local IAM in one event loop: its state, its doors, its private directory."""

import asyncio
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..api.keys import credentials_file, give_old_keys, make_user_key
from ..api.signing import KeyMaker
from ..api.state import State
from ..doors.certificates import new_certificates
from ..doors.control import Control
from ..doors.grpc_server import MOST_STREAMS, start_server
from ..doors.http_endpoints import Endpoints
from ..doors.http_server import HttpServer
from ..doors.listener import Listener
from ..doors.service import Service
from ..doors.tunnel import Tunnel, reset

PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,20}[a-z0-9]")


@dataclass(frozen=True)
class Settings:
    """How a local IAM is started; a port of 0 is any free one."""

    service_accounts: int = 20
    project: str = "iam-cookbook"
    caller_key_bits: int = 2048
    port: int = 0
    token_port: int = 0
    control_port: int = 0


class Host:
    """A local IAM."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        """Reserve the ports; OSError when one is in use, ValueError for a bad project id."""
        if not PROJECT_ID.fullmatch(settings.project):
            raise ValueError(
                f"project {settings.project!r} is not 6 to 22 lower-case letters, digits and "
                "hyphens that start with a letter and do not end with a hyphen"
            )
        self._directory = directory
        self._settings = settings
        self._tunnel_port = _reserved(settings.port)
        self._token_port = _reserved(settings.token_port)
        self._control_port = _reserved(settings.control_port)
        self._https_port = Listener()
        self._certificates = new_certificates()
        self._context = self._certificates.context(directory)
        token_uri = f"http://127.0.0.1:{self._token_port.port}/token"
        caller_project = f"{settings.project}-caller"
        projects = {settings.project: "100000000001", caller_project: "100000000002"}
        self._state = State(projects, token_uri, KeyMaker())
        self._service = Service(self._state)
        self._tunnel = Tunnel()
        self._http = HttpServer(Endpoints(self._service).answer)
        self._server: Any = None
        self._streams = MOST_STREAMS
        self._changing = asyncio.Lock()
        self._caller_project = caller_project

    async def open(self) -> dict[str, Any]:
        """Seed the state, serve, and return what a client needs to know."""
        count = self._settings.service_accounts
        digits = max(3, len(str(count)))
        accounts = [
            self._state.add_account(self._settings.project, f"worker-{number:0{digits}}")
            for number in range(1, count + 1)
        ]
        caller = self._state.add_account(self._caller_project, "local-iam-caller")
        pair, key = await make_user_key(caller, self._settings.caller_key_bits)
        caller.keys[key.key_id] = key
        give_old_keys(accounts, pair)
        key_file = self._write("key.json", credentials_file(caller, pair, self._state.token_uri))
        authority = self._write("ca.pem", self._certificates.authority)
        await self.start()
        secret = secrets.token_urlsafe(24)
        control = f"http://127.0.0.1:{self._control_port.port}/{secret}"
        description = {
            "project": self._settings.project,
            "service_accounts": [account.email for account in accounts],
            "caller": caller.email,
            "control": control,
            "environment": self._environment(authority, key_file, control),
        }
        endpoint = Control(self._service, self, secret, description)
        await self._control_port.open(HttpServer(endpoint.answer).protocol)
        return description

    def _write(self, name: str, content: bytes) -> str:
        path = self._directory / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return str(path)

    def _environment(self, authority: str, key_file: str, control: str) -> dict[str, str]:
        tunnel = f"http://127.0.0.1:{self._tunnel_port.port}"
        loopback = "localhost,127.0.0.1"
        return {
            "grpc_proxy": tunnel,
            "no_grpc_proxy": loopback,
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": authority,
            "GOOGLE_APPLICATION_CREDENTIALS": key_file,
            "GOOGLE_CLOUD_PROJECT": self._settings.project,
            "https_proxy": tunnel,
            "HTTPS_PROXY": tunnel,
            "no_proxy": loopback,
            "NO_PROXY": loopback,
            "REQUESTS_CA_BUNDLE": authority,
            "LOCAL_IAM_CONTROL": control,
        }

    async def start(self) -> None:
        """Serve, on the ports that are ours."""
        async with self._changing:
            if self._server is None:
                self._server, self._tunnel.grpc_port = await start_server(
                    self._service,
                    self._certificates.private_key,
                    self._certificates.chain,
                    self._tunnel.name,
                    self._streams,
                )
                await self._https_port.open(self._http.protocol, self._context)
                self._tunnel.https_port = self._https_port.port
                await self.accept()

    async def stop(self) -> None:
        """Stop serving; the state stays."""
        async with self._changing:
            if self._server is not None:
                self.refuse()
                self.cut()
                self._https_port.close()
                server, self._server = self._server, None
                await server.stop(None)

    def far(self, seconds: float) -> None:
        """Let everything that is sent through the tunnel be that long under way."""
        self._tunnel.far(seconds)

    async def limit_streams(self, number: int | None) -> None:
        """Let a connection carry so many calls at a time; a change resets every connection."""
        streams = number or MOST_STREAMS
        if streams != self._streams:
            self._streams = streams
            if self._server is not None:
                await self.stop()
                await self.start()

    def cut(self) -> None:
        """Reset every connection."""
        self._tunnel.cut()
        for transport in list(self._http.transports):
            reset(transport)

    def refuse(self) -> None:
        """Refuse new connections; those that are open go on."""
        self._tunnel_port.close()
        self._token_port.close()

    async def accept(self) -> None:
        """Accept new connections, unless everything is stopped."""
        if self._server is not None:
            await self._tunnel_port.open(self._tunnel.protocol)
            await self._token_port.open(self._http.protocol)

    async def close(self) -> None:
        """Stop for good."""
        await self.stop()
        for listener in (
            self._tunnel_port,
            self._token_port,
            self._control_port,
            self._https_port,
        ):
            listener.release()
        self._state.maker.close()


def _reserved(port: int) -> Listener:
    try:
        return Listener(port)
    except OSError as error:
        raise OSError(error.errno, f"port {port} of 127.0.0.1 cannot be used: {error}") from None

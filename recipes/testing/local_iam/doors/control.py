"""The control endpoint: faults and observation, behind a secret in the path."""

import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Protocol

from .faults import MINUTE
from .grpc_server import MOST_STREAMS
from .http_server import Request, Response
from .service import Service


class Doors(Protocol):
    """What the control endpoint does to the doors of the local IAM."""

    def far(self, seconds: float) -> None:
        """Let everything that is sent be that long under way."""

    def cut(self) -> None:
        """Reset every connection."""

    async def limit_streams(self, number: int | None) -> None:
        """Limit the calls that a connection carries at a time, or no longer."""

    def refuse(self) -> None:
        """Refuse new connections."""

    async def accept(self) -> None:
        """Accept new connections again."""

    async def stop(self) -> None:
        """Stop serving."""

    async def start(self) -> None:
        """Serve again."""


class Control:
    """Answers `POST /SECRET/VERB` with a JSON object of arguments as its body."""

    def __init__(
        self, service: Service, doors: Doors, secret: str, description: dict[str, Any]
    ) -> None:
        self._service = service
        self._doors = doors
        self._secret = secret
        self._description = description
        self._verbs: dict[str, Callable[..., Awaitable[Any]]] = {
            "describe": self._describe,
            "observe": self._observe,
            "forget": self._forget,
            "slow": self._slow,
            "fail": self._fail,
            "quota": self._quota,
            "far": self._far,
            "limit_streams": self._limit_streams,
            "heal": self._heal,
            "cut": self._cut,
            "refuse": self._refuse,
            "accept": self._accept,
            "stop": self._stop,
            "start": self._start,
        }

    async def answer(self, request: Request) -> Response:
        """Do what a request asks for: 404 without the secret, 400 for wrong arguments."""
        _, _, rest = request.path.partition("/")
        secret, _, verb = rest.partition("/")
        known = self._verbs.get(verb)
        if not hmac.compare_digest(secret.encode(), self._secret.encode()) or known is None:
            return Response(404, {"error": "not found"})
        if request.method != "POST":
            return Response(405, {"error": "use POST"}, {"allow": "POST"})
        try:
            return Response(200, await known(**json.loads(request.body or b"{}")))
        except (TypeError, ValueError) as error:
            return Response(400, {"error": str(error).removeprefix("Control._")})
        except OSError as error:
            return Response(409, {"error": str(error)})

    async def _describe(self) -> Any:
        return self._description

    async def _observe(self) -> Any:
        return asdict(self._service.recorder.observe())

    async def _forget(self) -> None:
        self._service.recorder.forget()

    async def _slow(
        self, seconds: float, spread: float = 0.0, method: str | None = None, rate: float = 1.0
    ) -> None:
        self._service.faults.slow(seconds, spread, method, rate)

    async def _fail(self, code: str, rate: float = 1.0, method: str | None = None) -> None:
        self._service.faults.fail(code, rate, method)

    async def _quota(
        self, per_minute: int, method: str | None = None, minute: float = MINUTE
    ) -> None:
        self._service.faults.quota(per_minute, method, minute)

    async def _far(self, seconds: float) -> None:
        self._doors.far(seconds)

    async def _limit_streams(self, number: int) -> None:
        if not 1 <= number <= MOST_STREAMS:
            raise ValueError(f"the number of streams must be between 1 and {MOST_STREAMS:,}")
        await self._doors.limit_streams(number)

    async def _heal(self) -> None:
        self._service.faults.heal()
        self._doors.far(0)
        await self._doors.limit_streams(None)
        await self._doors.start()
        await self._doors.accept()

    async def _cut(self) -> None:
        self._doors.cut()

    async def _refuse(self) -> None:
        self._doors.refuse()

    async def _accept(self) -> None:
        await self._doors.accept()

    async def _stop(self) -> None:
        await self._doors.stop()

    async def _start(self) -> None:
        await self._doors.start()

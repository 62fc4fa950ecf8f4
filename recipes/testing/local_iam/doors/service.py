"""The service behind every door: authenticates, observes, applies faults, calls the handler."""

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Callable
from typing import Any

from grpc import StatusCode

from ..api import (  # noqa: F401  the handlers register themselves
    accounts,
    admin_signing,
    credentials,
    keys,
    operations,
    queries,
    roles,
)
from ..api.methods import HOSTS, Call, Method
from ..api.rejections import Rejection, invalid
from ..api.state import State
from ..api.tokens import Bearers
from ..policies import (  # noqa: F401  the handlers register themselves
    access_policies,
    account_policies,
    boundaries,
    deny_policies,
    linter,
    policy_bindings,
)
from .faults import Faults
from .observation import Recorder

LOG = logging.getLogger(__name__)


class Service:
    """One IAM: its state, its faults and what it saw."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.faults = Faults()
        self.recorder = Recorder()
        self._bearers = Bearers(state)

    async def answer(
        self,
        method: Method,
        read: Callable[[], Any],
        authorization: str | None,
        connection: str,
    ) -> Any:
        """Return the response of a method; a Rejection is the only error it raises."""
        with self.recorder.call(method.name, connection):
            # Calls that arrived together are in flight together: let each of them begin.
            await asyncio.sleep(0)
            await self.faults.apply(method.path)
            try:
                caller = self._bearers.caller(authorization, HOSTS[method.service])
                request = _read(read)
                response = method.handler(Call(self.state, caller, method.version), request)
                return await response if inspect.isawaitable(response) else response
            except Rejection:
                raise
            except Exception:
                LOG.exception("%s failed", method.name)
                raise Rejection(StatusCode.INTERNAL, "Internal error encountered.") from None

    def check_bearer(self, authorization: str | None) -> None:
        """Raise UNAUTHENTICATED unless the bearer token is good for one of the services."""
        *others, last = dict.fromkeys(HOSTS.values())
        for host in others:
            with contextlib.suppress(Rejection):
                self._bearers.caller(authorization, host)
                return
        self._bearers.caller(authorization, last)


def _read(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception:
        raise invalid("", "Request contains an invalid argument.") from None

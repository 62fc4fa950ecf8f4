"""The IAM service on loopback, for tests: `IAMCredentialsClient()` with no argument talks to it.

    with LocalIAM(service_accounts=20) as local_iam:
        os.environ.update(local_iam.environment)
        ...

or `python -m recipes.testing.local_iam run -- COMMAND`. It is a process of its own that serves
every method of the clients of `google-cloud-iam` over TLS on 127.0.0.1, keeps state, signs
with real keys, and can be told to be slow, to fail, to be cut off. Nothing of it outlives the
`with` block.

Its folders import each other in one direction: `process` -> `doors` -> `policies` -> `api`.

The folder can be copied: it imports nothing of the project around it. It needs `google-cloud-iam`,
`click`, `h11`, `pyjwt[crypto]` and `trustme`; a process that only starts one imports the standard
library alone, so it holds no gRPC state when it forks.
"""

from .doors.observation import Observation
from .process.launcher import LocalIAM, LocalIAMControl, LocalIAMError

__all__ = ["LocalIAM", "LocalIAMControl", "LocalIAMError", "Observation"]

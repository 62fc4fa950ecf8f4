"""Mints in a process that inherits a connection on which the answer to another is under way."""

import os
import signal
import time

from google.cloud import iam_credentials_v1

from recipes.processes.create_rest_client import mint
from recipes.testing.local_iam import LocalIAMControl

local_iam = LocalIAMControl.from_environment()
first, second, *_ = local_iam.service_accounts
client = iam_credentials_v1.IAMCredentialsClient(transport="rest")
mint(client, first)
local_iam.forget()
local_iam.far(3)
if (pid := os.fork()) == 0:
    mint(client, first)
    os._exit(0)
while not local_iam.observe().calls:
    time.sleep(0.01)
os.kill(pid, signal.SIGKILL)  # the answer is under way, and its reader is gone
print(*mint(client, second), sep="\t")

"""Start workers that each make one call, and say what each of them cost.

Usage: python start_workers.py METHOD PRELOAD NAME WORKERS
"""

import json
import sys
import time
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection

from google.cloud import iam_credentials_v1


def work(name: str, connection: Connection) -> None:
    entered = time.monotonic()
    client = iam_credentials_v1.IAMCredentialsClient()
    created = time.monotonic()
    client.sign_blob(name=name, payload=b"text", timeout=60)
    connection.send((entered, created, time.monotonic()))
    connection.recv()  # stay until the memory is measured


if __name__ == "__main__":
    method, preload, name, workers = sys.argv[1:]
    context = get_context(method)
    context.set_forkserver_preload(preload.split())
    seconds, started = [], []
    for _ in range(int(workers)):
        connection, theirs = Pipe()
        process = context.Process(target=work, args=(name, theirs))  # type: ignore[attr-defined]
        begin = time.monotonic()
        process.start()
        entered, created, answered = connection.recv()
        seconds.append((entered - begin, created - entered, answered - created))
        started.append((process, connection))
    pids = [process.pid for process, connection in started]
    print(json.dumps({"seconds": seconds, "pids": pids}), flush=True)
    sys.stdin.readline()
    for process, connection in started:
        connection.send(None)
        process.join()

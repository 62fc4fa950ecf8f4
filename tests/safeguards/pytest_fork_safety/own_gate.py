"""A gate of a program's own: once a fork was asked for, it waits until it is told to go on."""

import os
import threading

asked, no_call = threading.Event(), threading.Event()


def hold() -> None:
    asked.set()
    no_call.wait()


os.register_at_fork(before=hold)

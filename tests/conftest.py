"""What all tests share."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # so a shell starts its background jobs, and what a test starts and interrupts would be, too
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "recipes.testing.local_iam.pytest_plugin",
    "tests.support.recipes",
    "tests.blocks.plugin",
]

"""Forks while somebody subscribes to the state of a channel, and others call on it."""

import grpc

from recipes.safeguards import fork_gate
from recipes.safeguards.fork_gate import gate
from tests.safeguards.attacks import Busy, forked, say, wait_until
from tests.safeguards.echo import Stubs, new_channel

fork_gate.install()
channel = new_channel()
stubs = Stubs(channel)
states: list[grpc.ChannelConnectivity] = []
channel.subscribe(states.append, try_to_connect=True)


def child() -> str:
    grpc.channel_ready_future(channel).result(timeout=30)
    return stubs.use_all()


with Busy(stubs.use_all, threads=2) as busy:
    for _ in range(3):
        say("child", forked(child))
        say("grandchild", forked(lambda: forked(child)))
say("errors", busy.errors)
say("parent", grpc.ChannelConnectivity.READY in states)
channel.close()
wait_until(lambda: grpc.ChannelConnectivity.SHUTDOWN in states or not gate.in_flight)

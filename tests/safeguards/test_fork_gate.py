"""The fork gate, attacked: by calls of every kind, by forks at the worst moments, by both."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from recipes.testing.local_iam import LocalIAM
from tests.evidence.jobs import variants
from tests.evidence.plugin import Cook, Stands
from tests.runner import Command, InterpreterRunner, Run, answers

FILE = "safeguards/fork_gate"
HERE = Path(__file__).parent
RECIPES = HERE.parents[1] / "recipes" / "safeguards"
DEADLINE = 120.0

PRELUDE = """\
import asyncio
import gc
import os
import signal
import sys
import threading
import time
from multiprocessing import get_context

import fork_gate
import google.auth
import grpc
from fork_gate import ForkRefusedError, gate
from google.cloud import iam_credentials_v1

NAME = "projects/-/serviceAccounts/" + os.environ["ACCOUNT"]


def sign(client):
    answer = client.sign_blob(name=NAME, payload=b"text", timeout=30, retry=None)
    return len(answer.signed_blob)


def forked(use=lambda: "ok", fork=os.fork):
    "Return what a forked child answered; the whole program hangs if it does."
    fork = os.fork if fork is original_fork else fork
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            text = str(use())
        except BaseException as error:
            text = repr(error)
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as file:
        text = file.read()
    status = os.waitpid(pid, 0)[1]
    return text if status == 0 else f"ended with status {status}"


original_fork = os.fork


class Busy:
    "Threads that use something again and again, in a `with` block."

    def __init__(self, use, threads=8):
        self.use, self.over, self.counts, self.errors = use, False, [0] * threads, []
        self.warm = threading.Barrier(threads + 1)
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(threads)]

    def run(self, number):
        self.use()
        self.warm.wait()
        while not self.over:
            try:
                self.use()
            except Exception as error:
                self.errors.append(error)
            self.counts[number] += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.warm.wait()
        return self

    def __exit__(self, *_):
        self.over = True
        for thread in self.threads:
            thread.join()


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def seconds(use):
    began = time.monotonic()
    use()
    return time.monotonic() - began


def say(name, answer):
    print(name, answer, sep="\\t", flush=True)
"""

ECHO = """
class Plugin(grpc.AuthMetadataPlugin):
    seconds = 0

    def __call__(self, context, callback):
        time.sleep(self.seconds)
        callback((("authorization", "Bearer token"),), None)


def new_channel(plugin=None, *options):
    with open(os.environ["CERTIFICATE"], "rb") as file:
        ssl = grpc.ssl_channel_credentials(file.read())
    tokens = grpc.metadata_call_credentials(plugin or Plugin())
    credentials = grpc.composite_channel_credentials(ssl, tokens)
    return grpc.secure_channel("localhost:" + os.environ["PORT"], credentials, options)


class Stubs:
    def __init__(self, channel):
        self.echo = channel.unary_unary("/test/Echo")
        self.count = channel.unary_stream("/test/Count")
        self.add = channel.stream_unary("/test/Sum")
        self.chat = channel.stream_stream("/test/Chat")

    def use_all(self):
        assert b"0" == self.echo(b"0", timeout=30)
        assert b"0" == self.echo.with_call(b"0", timeout=30)[0]
        assert b"0" == self.echo.future(b"0", timeout=30).result()
        assert 5 == len(list(self.count(b"0", timeout=30)))
        assert b"3" == self.add(iter([b"1", b"2"]), timeout=30)
        assert b"3" == self.add.with_call(iter([b"1", b"2"]), timeout=30)[0]
        assert b"3" == self.add.future(iter([b"1", b"2"]), timeout=30).result()
        assert [b"0", b"0"] == list(self.chat(iter([b"0", b"0"]), timeout=30))
        return "ok"
"""

INSTALL = "\nfork_gate.install()\n"

Attack = Callable[..., Run]


@pytest.fixture(scope="module")
def echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that lead a program to a server for calls of every kind."""
    folder = tmp_path_factory.mktemp("echo")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    command = [sys.executable, str(HERE / "echo_server.py"), str(folder / "certificate.pem")]
    with subprocess.Popen(
        [*command, str(folder / "key.pem")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        yield {"PORT": port, "CERTIFICATE": str(folder / "authority.pem")}


@pytest.fixture
def attack(
    local_iam: LocalIAM,
    echo_server: dict[str, str],
    recipe_runner: InterpreterRunner,
    tmp_path: Path,
) -> Attack:
    """Run a program that has the gate at hand, in a process of its own, for a bounded time."""

    def attack(program: str, **variables: str) -> Run:
        script = tmp_path / "program.py"
        script.write_text(program, "utf-8")
        command = Command(
            script,
            deadline=DEADLINE,
            environment={
                **local_iam.environment,
                **echo_server,
                "ACCOUNT": local_iam.service_accounts[0],
                "PYTHONPATH": str(RECIPES),
                "PYTHONWARNINGS": "ignore",
                **variables,
            },
            cwd=tmp_path,
        )
        return recipe_runner.run(command)

    return attack


def said(run: Run) -> list[tuple[str, str]]:
    r"""Return the lines `NAME\tANSWER` of a program that ended by itself."""
    assert "ok" == str(run.outcome), run.stderr
    return answers(run.stdout)


@pytest.mark.parametrize(("file", "start_method"), variants(FILE, f"{FILE}_broken"))
def test_verdict_stands(stands: Stands, file: str, start_method: str) -> None:
    """The recipe signs for every account exactly once; the broken twin does not."""
    stands(file, start_method)


def test_failed_call_is_reported_with_its_account(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose call fails in a worker is named with the error; the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method="SignBlob")
    run = cook(FILE)
    named = dict(answers(run.stderr))

    assert "raises SystemExit" == str(run.outcome)
    assert "" == run.stdout
    assert set(local_iam.service_accounts) == set(named)


def test_failed_call_of_the_parent_is_reported(cook: Cook, local_iam: LocalIAM) -> None:
    """Each account whose token could not be minted is named, and the exit code is 1."""
    local_iam.fail("PERMISSION_DENIED", method="GenerateAccessToken")
    run = cook(FILE)

    assert "raises SystemExit" == str(run.outcome)
    assert set(local_iam.service_accounts) == set(dict(answers(run.stdout)))
    assert "permission" in run.stderr.lower()


@pytest.mark.parametrize("support", ["unset", "1"])
def test_children_answer_while_threads_call(attack: Attack, support: str) -> None:
    """Each child answers, on the parent's client and on its own, and no call fails."""
    program = """
client = iam_credentials_v1.IAMCredentialsClient()
with Busy(lambda: sign(client)) as busy:
    for _ in range(15):
        say("reused", forked(lambda: sign(client)))
        say("fresh", forked(lambda: sign(iam_credentials_v1.IAMCredentialsClient())))
say("errors", busy.errors)
"""
    variables = {} if support == "unset" else {"GRPC_ENABLE_FORK_SUPPORT": support}
    run = attack(PRELUDE + INSTALL + program, **variables)

    assert [*[("reused", "256"), ("fresh", "256")] * 15, ("errors", "[]")] == said(run)


def test_children_answer_while_calls_of_every_kind_are_made(attack: Attack) -> None:
    """Also calls that are cancelled, dropped, out of time, or wrong let a fork through."""
    program = """
stubs = Stubs(new_channel())
option = (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)
channel = new_channel(None, option)
one_thread = Stubs(channel)


def everything():
    stubs.use_all()
    stubs.echo.future(b"1", timeout=30).cancel()
    stubs.echo.future(b"0", timeout=30)
    stream = stubs.count(b"0.1", timeout=30)
    next(stream)
    stream.cancel()
    next(stubs.count(b"0", timeout=30))
    assert 5 == len(list(one_thread.count(b"0", timeout=30)))
    for _ in stubs.count(b"0", timeout=30):
        stubs.echo(b"0", timeout=30)
    for request, timeout in ((b"1", 0.01), (b"no number", 30)):
        try:
            stubs.echo(request, timeout=timeout)
        except grpc.RpcError:
            pass


with Busy(everything, threads=4) as busy:
    for _ in range(10):
        say("reused", forked(stubs.use_all))
        say("fresh", forked(lambda: Stubs(new_channel()).use_all()))
say("errors", busy.errors)
wait_until(lambda: not gate.in_flight)
say("left", forked())
"""
    run = attack(PRELUDE + ECHO + INSTALL + program)
    expected = [("reused", "ok"), ("fresh", "ok")] * 10

    assert [*expected, ("errors", "[]"), ("left", "ok")] == said(run)


def test_children_answer_while_threads_make_and_close_clients(attack: Attack) -> None:
    """A client that another thread constructs, uses for the first time, or closes stops no fork."""
    program = """
def use():
    with iam_credentials_v1.IAMCredentialsClient() as client:
        sign(client)


def drop():
    sign(iam_credentials_v1.IAMCredentialsClient())


with Busy(use, threads=2) as using, Busy(drop, threads=2) as dropping:
    say("took", all(seconds(forked) < 40 for _ in range(10)))
    for _ in range(5):
        say("fresh", forked(lambda: sign(iam_credentials_v1.IAMCredentialsClient())))
say("errors", using.errors + dropping.errors)
"""
    run = attack(PRELUDE + INSTALL + program)

    assert [("took", "True"), *[("fresh", "256")] * 5, ("errors", "[]")] == said(run)


CALLS = {
    "a future": 'call = stubs.echo.future(b"1"); over = call.done',
    "a stream": 'over = read(stubs.count(b"0.2"))',
    "a stream both ways": 'over = read(stubs.chat(iter([b"1"])))',
    "a stream in one thread": """
option = (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1)
channel = new_channel(None, option)
over = read(Stubs(channel).count(b"0.2"))
""",
    "a call": """
thread = threading.Thread(target=stubs.echo, args=(b"1",))
thread.start()
wait_until(lambda: gate.in_flight)
over = lambda: not thread.is_alive()
""",
    "a token": """
plugin = Plugin()
plugin.seconds = 1
call = Stubs(new_channel(plugin)).echo.future(b"0", timeout=0.2)
call.exception()
over = lambda: not any(isinstance(t, fork_gate.CountedThread) for t in gate.in_flight)
assert not over()
""",
    "a background refresh": """
import google.auth.credentials
import google.auth._refresh_worker


class Slow(google.auth.credentials.AnonymousCredentials):
    is_over = False

    def refresh(self, request):
        time.sleep(1)
        self.is_over = True


slow = Slow()
google.auth._refresh_worker.RefreshThreadManager().start_refresh(slow, "request")
over = lambda: slow.is_over
""",
}


@pytest.mark.parametrize("kind", CALLS)
def test_fork_waits(attack: Attack, kind: str) -> None:
    """What was in flight when the fork began is over in the child."""
    program = f"""
stubs = Stubs(new_channel())
stubs.echo(b"0")


def read(stream):
    thread = threading.Thread(target=list, args=(stream,))
    thread.start()
    return lambda: not thread.is_alive() or stream.done()


{CALLS[kind]}
say("before", over())
say("child", forked(lambda: over() or gate.in_flight))
"""
    run = attack(PRELUDE + ECHO + INSTALL + program)

    assert [("before", "False"), ("child", "True")] == said(run)


def test_new_call_waits_until_the_fork_is_over(attack: Attack, local_iam: LocalIAM) -> None:
    """A call that begins while the gate is closed reaches no server before the gate is open."""
    program = """
client = iam_credentials_v1.IAMCredentialsClient()
sign(client)
ended = threading.Event()
thread = threading.Thread(target=lambda: (sign(client), ended.set()))
with gate.closed():
    thread.start()
    wait_until(lambda: gate.held)
    say("by the thread that forks", sign(client))
    say("held", not ended.wait(0.5))
thread.join()
say("after", ended.is_set())
"""
    local_iam.forget()
    run = attack(PRELUDE + INSTALL + program)

    expected = [("by the thread that forks", "256"), ("held", "True"), ("after", "True")]
    assert expected == said(run)
    assert 3 == local_iam.observe().calls["SignBlob"]


def test_long_stream_is_refused_at_the_limit(attack: Attack) -> None:
    """The fork raises and names what was in flight; calls go on, and so does a later fork."""
    program = """
fork_gate.install(limit=1)
fork_gate.LIMIT = 1000  # what was installed counts
stubs = Stubs(new_channel())
stream = stubs.count(b"1000")
try:
    os.fork()
except ForkRefusedError as error:
    say("refused", error)
say("call", stubs.echo(b"0", timeout=30))
stream.cancel()
say("forked", forked(stubs.use_all))
"""
    lines = said(attack(PRELUDE + ECHO + program))

    assert [("call", "b'0'"), ("forked", "ok")] == lines[1:]
    assert "a stream of MainThread" in lines[0][1]
    assert lines[0][1].endswith("/safeguards/fork-gate.html")


def test_fork_that_cannot_be_refused_is_logged(attack: Attack) -> None:
    """Without `refuse`, or where os.fork was taken before, the limit ends in a log and a fork."""
    program = """
fork_gate.install(limit=0.5)
stubs = Stubs(new_channel())
stream = stubs.count(b"1000")
say("taken before", forked(fork=taken_before))
fork_gate.install(limit=0.5, refuse=False)
say("not refused", forked())
stream.cancel()
say("nothing in flight", forked(stubs.use_all, fork=taken_before))
"""
    taken = "\ntaken_before = lambda fork=os.fork: fork()\n"
    run = attack(PRELUDE + ECHO + taken + program)

    names = ("taken before", "not refused", "nothing in flight")
    assert [(name, "ok") for name in names] == said(run)
    assert 2 == run.stderr.count("the child of this fork may hang")


def test_child_knows_each_channel_that_only_its_stubs_refer_to(attack: Attack) -> None:
    """The first call on it waits until gRPC has noticed that the connection is the parent's.

    A call on a channel of the child's own does not, nor a later one, nor for the sake of another.
    """
    program = """
stubs, unused = Stubs(new_channel()), Stubs(new_channel())
stubs.use_all()
unused.use_all()
gc.collect()


def settled():
    channels, settle = [], gate.settle
    gate.settle = lambda channel: (channels.append(channel), settle(channel))
    for used in (stubs, Stubs(new_channel())):
        used.use_all()
    return len(channels), len(gate.inherited)


say("settled", forked(settled))
"""
    assert [("settled", "(1, 1)")] == said(attack(PRELUDE + ECHO + INSTALL + program))


@pytest.mark.parametrize("end", ["channel.close()", "del channel, echo", "per_call()"])
def test_fork_at_once_after_the_end_of_a_channel(attack: Attack, end: str) -> None:
    """It does not freeze for a minute, for gRPC has let go of the credentials when it forks."""
    program = f"""
import subprocess
kept = Stubs(new_channel())
kept.echo(b"0")
tokens = grpc.metadata_call_credentials(Plugin())


def per_call():
    kept.echo(b"0", credentials=tokens)
    kept.echo.future(b"0", credentials=grpc.metadata_call_credentials(Plugin())).result()


for _ in range(10):
    channel = new_channel()
    echo = channel.unary_unary("/test/Echo")
    echo(b"0")
    {end}
    say("took", seconds(forked) < 40)
gc.collect()
channel = echo = None
say("forked", forked())
say("watched", len(gate.plugins))
"""
    run = attack(PRELUDE + ECHO + INSTALL + program)

    assert [*[("took", "True")] * 10, ("forked", "ok"), ("watched", "1")] == said(run)


def test_fork_at_once_after_the_end_of_all_channels(attack: Attack) -> None:
    """It waits for the thread in which gRPC ends what it has, once nobody uses it any more."""
    before = """
ending = []


def look():
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/comm") as file:
                ending.extend(name for name in file if name.startswith("grpc_shutdown"))
        except OSError:
            pass


os.register_at_fork(before=look)  # what is registered first comes last, after the gate
"""
    program = """
for _ in range(60):
    channel = new_channel()
    channel.unary_unary("/test/Echo")(b"0")
    channel.close()
    del channel
    assert "ok" == forked()
say("child", forked(lambda: Stubs(new_channel()).use_all()))
say("ending", ending)
"""
    run = attack(PRELUDE + ECHO + before + INSTALL + program)

    assert [("child", "ok"), ("ending", "[]")] == said(run)


def test_channels_may_share_credentials(attack: Attack) -> None:
    """Threads that open and close channels with the same credentials stop no fork."""
    program = """
with open(os.environ["CERTIFICATE"], "rb") as file:
    ssl = grpc.ssl_channel_credentials(file.read())
credentials = grpc.composite_channel_credentials(ssl, grpc.metadata_call_credentials(Plugin()))


def use():
    with grpc.secure_channel("localhost:" + os.environ["PORT"], credentials) as channel:
        return channel.unary_unary("/test/Echo")(b"0", timeout=30)


with Busy(use, threads=4) as busy:
    for _ in range(20):
        say("fresh", forked(use))
say("errors", busy.errors)
"""
    run = attack(PRELUDE + ECHO + INSTALL + program)

    assert [*[("fresh", "b'0'")] * 20, ("errors", "[]")] == said(run)


def test_async_client_is_refused_at_once(attack: Attack) -> None:
    """While an async client is open there is no fork, whatever the limit; later there is."""
    program = """
fork_gate.install(limit=1000)


async def use():
    client = iam_credentials_v1.IAMCredentialsAsyncClient()
    answer = await client.sign_blob(name=NAME, payload=b"text", timeout=30)
    try:
        os.fork()
    except ForkRefusedError as error:
        say("refused", "an open grpc.aio channel" in str(error))
    await client.transport.close()
    return len(answer.signed_blob)


async def sign_async():
    client = iam_credentials_v1.IAMCredentialsAsyncClient()
    return len((await client.sign_blob(name=NAME, payload=b"text", timeout=30)).signed_blob)


for _ in range(5):
    say("parent", asyncio.run(use()))
    gc.collect()
    say("child", forked(lambda: asyncio.run(sign_async())))
"""
    run = attack(PRELUDE + program)

    assert [("refused", "True"), ("parent", "256"), ("child", "256")] * 5 == said(run)


def test_server_is_refused_at_once(attack: Attack) -> None:
    """A running server keeps a thread in gRPC."""
    program = """
from concurrent.futures import ThreadPoolExecutor

fork_gate.install(limit=1000)
server = grpc.server(ThreadPoolExecutor(2))
server.add_insecure_port("127.0.0.1:0")
server.start()
try:
    os.fork()
except ForkRefusedError as error:
    say("refused", "a running gRPC server" in str(error))
server.stop(None).wait()
wait_until(lambda: not gate.staying())
say("stopped", forked())
"""
    run = attack(PRELUDE + program)

    assert [("refused", "True"), ("stopped", "ok")] == said(run)


def test_subscription_does_not_hold_a_fork(attack: Attack) -> None:
    """A fork steps between two looks at the state of a channel, which goes on, and works anew."""
    program = """
channel = new_channel()
stubs = Stubs(channel)
states = []
channel.subscribe(states.append, try_to_connect=True)


def child():
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
"""
    run = attack(PRELUDE + ECHO + INSTALL + program)

    children = [("child", "ok"), ("grandchild", "ok")] * 3
    assert [*children, ("errors", "[]"), ("parent", "True")] == said(run)


def test_forks_from_anywhere(attack: Attack) -> None:
    """A fork from a callback, a hook, a child, a signal handler or `multiprocessing` works."""
    program = """
fork_gate.install()
stubs = Stubs(new_channel())


def from_callback():
    answers = []
    done = threading.Event()
    call = stubs.echo.future(b"0.1")
    call.add_done_callback(lambda _: (answers.append(forked(lambda: stubs.echo(b"0"))), done.set()))
    done.wait()
    return answers


def from_signal_handler():
    answers = []
    signal.signal(signal.SIGALRM, lambda *_: answers.append(forked(lambda: stubs.echo(b"0"))))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    wait_until(lambda: answers)
    return answers


def from_multiprocessing():
    with get_context("fork").Pool(2) as workers:
        return workers.map(float, [0, 1])


def from_iterator():
    def requests():
        yield b"0"
        yield forked(lambda: "0").encode()

    return list(stubs.chat(requests()))


with Busy(lambda: stubs.echo(b"0"), threads=4) as busy:
    say("callback", from_callback())
    say("signal handler", from_signal_handler())
    say("multiprocessing", from_multiprocessing())
    say("child", forked(lambda: forked(lambda: forked(stubs.use_all))))
    nested = []
    os.register_at_fork(before=lambda: nested or nested.append(1) or nested.append(forked()))
    say("hook", forked(stubs.use_all))
    say("nested", nested)
say("errors", busy.errors)
try:
    fork_gate.gate.limit = 1
    from_iterator()
except grpc.RpcError as error:
    say("iterator", error.details())
say("afterwards", forked(stubs.use_all))
"""
    run = attack(PRELUDE + ECHO + program)

    assert [
        ("callback", "[\"b'0'\"]"),
        ("signal handler", "[\"b'0'\"]"),
        ("multiprocessing", "[0.0, 1.0]"),
        ("child", "ok"),
        ("hook", "ok"),
        ("nested", "[1, 'ok']"),
        ("errors", "[]"),
        ("iterator", "Exception iterating requests!"),
        ("afterwards", "ok"),
    ] == said(run)


def test_storm_of_forks_starves_no_call(attack: Attack) -> None:
    """Threads that fork on and on let each thread that calls have its turn, and get theirs."""
    program = """
stubs = Stubs(new_channel())
with Busy(lambda: stubs.echo(b"0"), threads=4) as busy:
    before = list(busy.counts)
    forking = [threading.Thread(target=lambda: [forked() for _ in range(20)]) for _ in range(3)]
    for thread in forking:
        thread.start()
    for thread in forking:
        thread.join()
    say("each called", all(now - then >= 10 for now, then in zip(busy.counts, before)))
say("errors", busy.errors)
"""
    run = attack(PRELUDE + ECHO + INSTALL + program)

    assert [("each called", "True"), ("errors", "[]")] == said(run)


def test_child_starts_with_an_open_gate(attack: Attack) -> None:
    """Threads of a child call and fork at once, whatever was held in the parent."""
    program = """
client = iam_credentials_v1.IAMCredentialsClient()


def child():
    with Busy(lambda: sign(client), threads=2) as busy:
        children = [forked(lambda: sign(client)) for _ in range(3)]
    return children, busy.errors, len(gate.in_flight), len(gate.held)


with Busy(lambda: sign(client)):
    say("child", forked(child))
"""
    run = attack(PRELUDE + INSTALL + program)

    assert [("child", "(['256', '256', '256'], [], 0, 0)")] == said(run)


def test_stream_whose_reader_calls_does_not_block_itself(attack: Attack) -> None:
    """A thread that reads a stream may call while a fork waits for the stream."""
    program = """
stubs = Stubs(new_channel())
answers = []


def read():
    for _ in stubs.count(b"0.2", timeout=60):
        answers.append(stubs.echo(b"0", timeout=60))


thread = threading.Thread(target=read)
thread.start()
wait_until(lambda: answers)
say("calls before the stream ended", forked(lambda: len(answers) >= 4))
thread.join()
"""
    run = attack(PRELUDE + ECHO + INSTALL + program)

    assert [("calls before the stream ended", "True")] == said(run)


def test_interrupted_calls_and_forks_leave_the_gate_open(attack: Attack) -> None:
    """An exception that a signal raises, in a call or in a fork that waits, does not stick."""
    program = """
fork_gate.install(limit=60)
stubs = Stubs(new_channel())


def interrupted(use):
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        use()
    except KeyboardInterrupt:
        return "interrupted"


def interrupt(*_):
    raise KeyboardInterrupt


signal.signal(signal.SIGALRM, interrupt)
say("call", interrupted(lambda: stubs.echo(b"30")))
stream = stubs.count(b"30")
say("fork", interrupted(os.fork))
stream.cancel()
say("forked", forked(stubs.use_all))
say("gate", (dict(gate.in_flight), gate.forker, gate.closings))
"""
    run = attack(PRELUDE + ECHO + program)

    assert [
        ("call", "interrupted"),
        ("fork", "interrupted"),
        ("forked", "ok"),
        ("gate", "({}, 0, [])"),
    ] == said(run)


def test_connection_of_the_parent_is_hidden_from_the_child(attack: Attack) -> None:
    """A child has another file in the place of the connection, and the parent goes on with it."""
    program = """
hidden = []


class Gate(fork_gate.Gate):
    def show(self):
        hidden.append([[os.fstat(file).st_ino for file in files] for files in self.hidden])
        super().show()


fork_gate.gate = Gate()
fork_gate.install()
stubs = Stubs(new_channel())
stubs.use_all()
[number] = fork_gate.connections()
connection = os.fstat(number).st_ino


def files():
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.fstat(int(name)).st_ino)
        except OSError:
            pass
    return found


say("parent has it", connection in files())
say("child has it", forked(lambda: connection in files()))
say("hidden", [(number == connection, copy == connection) for number, copy in hidden[0]])
say("the same", fork_gate.connections() == [number] and os.fstat(number).st_ino == connection)
say("nothing more", fork_gate.gate.hidden)
say("parent", stubs.use_all())
"""
    run = attack(PRELUDE + ECHO + program)

    assert [
        ("parent has it", "True"),
        ("child has it", "False"),
        ("hidden", "[(False, True)]"),
        ("the same", "True"),
        ("nothing more", "[]"),
        ("parent", "ok"),
    ] == said(run)


def test_install(attack: Attack) -> None:
    """It may be repeated; it raises where it comes too late, and where it could not help."""
    program = """
def answer():
    try:
        return fork_gate.install()
    except RuntimeError as error:
        return str(error).partition(",")[0].partition(";")[0]


os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
say("turned off", answer())
del os.environ["GRPC_ENABLE_FORK_SUPPORT"]
client = iam_credentials_v1.IAMCredentialsClient()
say("late", answer())
client.transport.close()
del client
gc.collect()
say("in time", answer())
say("again", answer())
client = iam_credentials_v1.IAMCredentialsClient()
say("with a client", answer())
for _ in range(5):
    say("forked", forked(lambda: sign(client)))
    say("parent", sign(client))
"""
    run = attack(PRELUDE + program)

    assert [
        ("turned off", "GRPC_ENABLE_FORK_SUPPORT turns off what the gate needs"),
        ("late", "there is a client already"),
        ("in time", "None"),
        ("again", "None"),
        ("with a client", "None"),
        *[("forked", "256"), ("parent", "256")] * 5,
    ] == said(run)


@pytest.mark.parametrize("order", ["gate guard", "guard gate"])
def test_gate_and_guard_go_together(attack: Attack, order: str) -> None:
    """With both, a child's own client answers, and the parent's raises, while threads call."""
    installs = "".join(f"fork_{name}.install()\n" for name in order.split())
    program = f"""
import fork_guard
{installs}
client = iam_credentials_v1.IAMCredentialsClient()


def reuse():
    try:
        return sign(client)
    except fork_guard.InheritedClientError:
        return "guarded"


with Busy(lambda: sign(client)) as busy:
    for _ in range(5):
        say("fresh", forked(lambda: sign(iam_credentials_v1.IAMCredentialsClient())))
        say("reused", forked(reuse))
say("errors", busy.errors)
"""
    run = attack(PRELUDE + program)

    assert [*[("fresh", "256"), ("reused", "guarded")] * 5, ("errors", "[]")] == said(run)

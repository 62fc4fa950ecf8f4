"""Faults by request, and what the local IAM saw of them."""

import asyncio
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import requests
from google.api_core import exceptions
from google.cloud import iam_admin_v1, iam_credentials_v1
from google.rpc import error_details_pb2

from recipes.testing.local_iam import LocalIAM
from recipes.testing.local_iam.api.rejections import Rejection
from recipes.testing.local_iam.doors.faults import MINUTE, Quota
from recipes.testing.local_iam.process.event_loop import ExactSelector
from tests.safeguards.attacks import wait_until

IAM = iam_admin_v1.IAMClient
Credentials = iam_credentials_v1.IAMCredentialsClient
SCOPE = ["https://www.googleapis.com/auth/cloud-platform"]


@pytest.fixture
def name(local_iam: LocalIAM) -> str:
    """Return the name of a seeded account."""
    return f"projects/-/serviceAccounts/{local_iam.service_accounts[0]}"


def mint(credentials: Credentials, name: str) -> None:
    """Make one call without a retry."""
    credentials.generate_access_token(name=name, scope=SCOPE, timeout=10, retry=None)


def mint_often(credentials: Credentials, name: str) -> None:
    """Make calls until the client has noticed that its connection is gone."""
    for _ in range(3):
        mint(credentials, name)


def seconds(credentials: Credentials, name: str) -> float:
    """Return how long one call takes."""
    start = time.monotonic()
    mint(credentials, name)
    return time.monotonic() - start


def test_latency_is_added(credentials: Credentials, local_iam: LocalIAM, name: str) -> None:
    """A fixed latency is the least that a call takes; healed it is gone."""
    mint(credentials, name)
    local_iam.slow(0.3)
    assert seconds(credentials, name) >= 0.3
    local_iam.heal()
    assert min(seconds(credentials, name) for _ in range(3)) < 0.3


def test_latency_is_not_rounded() -> None:
    """A wait is not rounded up to the next millisecond, and ends early when something arrives."""
    reader, writer = socket.socketpair()
    with ExactSelector() as selector, reader, writer:
        selector.register(reader, selectors.EVENT_READ, "data")
        assert 0.0011 <= min(waited(selector, 0.0011) for _ in range(100)) < 0.002
        writer.send(b"text")
        ((key, events),) = selector.select(60)
        assert ("data", selectors.EVENT_READ) == (key.data, events)
        assert 1 == len(selector.select(0)) == len(selector.select(None))


def waited(selector: ExactSelector, timeout: float) -> float:
    """Return how long it waits for nothing."""
    start = time.monotonic()
    assert [] == selector.select(timeout)
    return time.monotonic() - start


def test_latency_spreads(credentials: Credentials, local_iam: LocalIAM, name: str) -> None:
    """With a spread as large as the latency, calls take between nothing and twice as long."""
    local_iam.slow(0.1, spread=0.1)
    taken = [seconds(credentials, name) for _ in range(15)]
    assert max(taken) - min(taken) > 0.05


def test_distance_is_added(credentials: Credentials, local_iam: LocalIAM, name: str) -> None:
    """A call takes the way there and the way back longer; healed it does not."""
    mint(credentials, name)
    local_iam.far(0.2)
    assert seconds(credentials, name) >= 0.4
    local_iam.heal()
    assert min(seconds(credentials, name) for _ in range(3)) < 0.4


def test_distance_keeps_the_order(credentials: Credentials, local_iam: LocalIAM, name: str) -> None:
    """Calls arrive whole, also where the distance changes while they are under way."""
    with ThreadPoolExecutor(8) as pool:
        calls = []
        for distance in (0.2, 0.05, 0, 0.1) * 2:
            local_iam.far(distance)
            calls += [
                pool.submit(credentials.sign_blob, name=name, payload=b"x" * 8000, timeout=30)
                for _ in range(10)
            ]
        assert all(call.result().signed_blob for call in calls)


def test_a_call_is_seen_before_a_distant_client_has_its_answer(
    credentials: Credentials, local_iam: LocalIAM, name: str
) -> None:
    """The service has answered while the answer is still under way."""
    mint(credentials, name)
    local_iam.forget()
    local_iam.far(2)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(mint, credentials, name)
        deadline = time.monotonic() + 10
        while not local_iam.observe().calls:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert not call.done()
        call.result(20)


def test_a_share_of_calls_is_slow(credentials: Credentials, local_iam: LocalIAM, name: str) -> None:
    """At a rate of a half, of 30 calls some take long and some do not."""
    local_iam.slow(0.3, rate=0.5)
    taken = [seconds(credentials, name) for _ in range(30)]
    assert 1 < sum(each >= 0.3 for each in taken) < 29


def test_a_deadline_passes_while_it_is_slow(
    credentials: Credentials, local_iam: LocalIAM, name: str
) -> None:
    """The client gives up at its own deadline."""
    local_iam.slow(5)
    with pytest.raises(exceptions.DeadlineExceeded):
        credentials.generate_access_token(name=name, scope=SCOPE, timeout=0.2, retry=None)


@pytest.mark.parametrize(
    "code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
)
def test_a_method_fails_as_told(
    credentials: Credentials, local_iam: LocalIAM, name: str, code: grpc.StatusCode
) -> None:
    """With each code that there is."""
    local_iam.fail(code.name)
    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        mint(credentials, name)
    assert caught.value.grpc_status_code == code


@pytest.mark.parametrize(
    "method",
    [
        "generate_access_token",
        "GenerateAccessToken",
        "/google.iam.credentials.v1.IAMCredentials/GenerateAccessToken",
    ],
)
def test_one_method_fails_alone(
    credentials: Credentials, local_iam: LocalIAM, name: str, method: str
) -> None:
    """The other methods go on."""
    local_iam.fail("UNAVAILABLE", method=method)
    with pytest.raises(exceptions.ServiceUnavailable):
        mint(credentials, name)
    credentials.sign_blob(name=name, payload=b"x", timeout=10)


def test_a_share_of_calls_fails(credentials: Credentials, local_iam: LocalIAM, name: str) -> None:
    """At a rate of a half, of 60 calls some fail and some do not."""
    local_iam.fail("ABORTED", rate=0.5)
    failed = 0
    for _ in range(60):
        try:
            mint(credentials, name)
        except exceptions.Aborted:
            failed += 1
    assert 5 < failed < 55


def test_the_default_retry_overcomes_failures(
    credentials: Credentials, local_iam: LocalIAM, name: str
) -> None:
    """The client retries UNAVAILABLE by itself, and the server sees each attempt."""
    local_iam.fail("UNAVAILABLE", rate=0.5)
    for _ in range(20):
        credentials.generate_access_token(name=name, scope=SCOPE)
    assert local_iam.observe().calls["GenerateAccessToken"] > 20


def test_a_quota_runs_out(credentials: Credentials, local_iam: LocalIAM, name: str) -> None:
    """The calls above it are RESOURCE_EXHAUSTED and say when to retry."""
    local_iam.quota(3)
    for _ in range(3):
        mint(credentials, name)
    with pytest.raises(exceptions.ResourceExhausted) as caught:
        mint(credentials, name)
    kinds = {type(detail).__name__: detail for detail in caught.value.details}
    assert 0 < kinds["RetryInfo"].retry_delay.seconds < 60
    assert isinstance(kinds["QuotaFailure"], error_details_pb2.QuotaFailure)
    assert caught.value.reason == "RATE_LIMIT_EXCEEDED"
    local_iam.heal()
    mint(credentials, name)


def test_a_minute_of_a_quota_may_be_short(
    credentials: Credentials, local_iam: LocalIAM, name: str
) -> None:
    """The error says how much is left of it, and after that there is another call."""
    local_iam.quota(1, minute=2)
    mint(credentials, name)
    with pytest.raises(exceptions.ResourceExhausted) as caught:
        mint(credentials, name)
    [info] = [
        each for each in caught.value.details if isinstance(each, error_details_pb2.RetryInfo)
    ]
    left = info.retry_delay.ToTimedelta().total_seconds()
    assert 0 < left < 2
    time.sleep(left)
    mint(credentials, name)


def test_a_quota_begins_again_after_a_minute() -> None:
    """Its one call is taken until the minute is over, then there is another one."""
    times = [0, 1, MINUTE - 1, MINUTE, MINUTE + 1, 2 * MINUTE]
    clock = iter(times)
    quota = Quota(frozenset(), 1, clock=lambda: next(clock))

    def granted() -> bool:
        try:
            asyncio.run(quota.apply())
        except Rejection:
            return False
        return True

    assert [granted() for _ in times] == [True, False, False, True, False, True]


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("fail", {"code": "SOMETHING"}),
        ("fail", {"code": "OK"}),
        ("fail", {"code": "UNAVAILABLE", "rate": 2}),
        ("fail", {"code": "UNAVAILABLE", "method": "fly"}),
        ("fail", {}),
        ("slow", {"seconds": -1}),
        ("slow", {"seconds": "long"}),
        ("far", {"seconds": -1}),
        ("quota", {"per_minute": -1}),
        ("limit_streams", {"number": 0}),
        ("limit_streams", {"number": "many"}),
        ("quota", {"per_minute": 1, "nonsense": 1}),
    ],
)
def test_a_wrong_fault_is_a_value_error(
    local_iam: LocalIAM, verb: str, arguments: dict[str, object]
) -> None:
    """With a text that says what is wrong, and without an effect."""
    with pytest.raises(ValueError, match=r"\w{3}"):
        local_iam.ask(verb, **arguments)


def test_a_cut_ends_a_call_and_the_next_one_connects_again(
    credentials: Credentials, local_iam: LocalIAM, name: str
) -> None:
    """The call in flight is UNAVAILABLE; the client makes a new connection by itself."""
    mint(credentials, name)
    local_iam.slow(20)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(mint, credentials, name)
        deadline = time.monotonic() + 10
        while (
            local_iam.observe().most_in_flight == 0 or sum(local_iam.observe().calls.values()) < 2
        ):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        local_iam.cut()
        with pytest.raises(exceptions.ServiceUnavailable):
            call.result(10)
    local_iam.heal()
    credentials.generate_access_token(name=name, scope=SCOPE, timeout=20)
    assert local_iam.observe().connections == 2


def test_refusing_leaves_open_connections_alone(
    credentials: Credentials, admin: IAM, local_iam: LocalIAM, name: str
) -> None:
    """An open connection goes on; a cut one stays away until new ones are accepted."""
    credentials.generate_access_token(name=name, scope=SCOPE, timeout=20)
    local_iam.refuse()
    mint(credentials, name)
    local_iam.cut()
    with pytest.raises(exceptions.ServiceUnavailable):
        mint_often(credentials, name)
    local_iam.accept()
    credentials.generate_access_token(name=name, scope=SCOPE, timeout=20)


def test_a_stop_keeps_ports_and_state(
    credentials: Credentials, admin: IAM, local_iam: LocalIAM, name: str, project: str, new_id: str
) -> None:
    """Stopped it refuses; started again the same clients find the same accounts."""
    created = admin.create_service_account(name=project, account_id=new_id, timeout=20)
    key = admin.create_service_account_key(name=created.name, timeout=20)
    before = local_iam.environment
    for _ in range(2):
        local_iam.stop()
    with pytest.raises(exceptions.ServiceUnavailable):
        mint_often(credentials, name)
    for _ in range(2):
        local_iam.start()
    assert local_iam.environment == before
    assert admin.get_service_account(name=created.name, timeout=20) == created
    assert admin.get_service_account_key(name=key.name, timeout=20).name == key.name
    credentials.generate_access_token(name=name, scope=SCOPE, timeout=20)


def test_threads_that_share_a_client_share_a_connection(
    credentials: Credentials, local_iam: LocalIAM, name: str
) -> None:
    """Forty calls of eight threads: one connection, and up to eight calls in flight."""
    local_iam.slow(0.05)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: mint(credentials, name), range(40)))
    seen = local_iam.observe()
    assert seen.calls == {"GenerateAccessToken": 40}
    assert (seen.connections, seen.calls_per_connection) == (1, [40])
    assert 2 <= seen.most_in_flight <= 8


def test_each_client_has_a_connection_of_its_own(local_iam: LocalIAM, name: str) -> None:
    """Three clients that make two, three and four calls are three connections with as many."""
    for calls in (2, 3, 4):
        with Credentials() as client:
            for _ in range(calls):
                mint(client, name)
    seen = local_iam.observe()
    assert (seen.connections, sorted(seen.calls_per_connection)) == (3, [2, 3, 4])
    local_iam.forget()
    assert local_iam.observe().calls == {}


def test_call_in_flight_is_forgotten(local_iam: LocalIAM, name: str) -> None:
    """It is one of before: who waits for a call of his own is not told of it."""
    local_iam.slow(20)
    with Credentials() as client, ThreadPoolExecutor(1) as threads:
        before = threads.submit(mint, client, name)
        wait_until(lambda: local_iam.observe().most_in_flight)
        local_iam.forget()
        assert 0 == local_iam.observe().most_in_flight
        local_iam.heal()
        mint(client, name)
        assert not before.done()
        local_iam.cut()
        with pytest.raises(exceptions.ServiceUnavailable):
            before.result(10)
    assert 1 == local_iam.observe().most_in_flight


def test_calls_above_the_limit_of_streams_wait(local_iam: LocalIAM, name: str) -> None:
    """A connection never carries more calls than the limit, and each of them is answered."""

    def most_in_flight() -> int:
        local_iam.forget()
        local_iam.slow(0.3)
        with Credentials() as client, ThreadPoolExecutor(6) as threads:
            list(threads.map(lambda _: mint(client, name), range(12)))
        assert 1 == local_iam.observe().connections
        assert 12 == local_iam.observe().calls["GenerateAccessToken"]
        return local_iam.observe().most_in_flight

    local_iam.limit_streams(2)
    assert 2 == most_in_flight()
    local_iam.heal()
    assert most_in_flight() > 2


def test_the_control_endpoint_wants_its_secret(local_iam: LocalIAM) -> None:
    """Without it everything is 404, with it a GET is 405."""
    url = local_iam.environment["LOCAL_IAM_CONTROL"]
    base, _, secret = url.rpartition("/")
    assert len(secret) >= 32
    for path in ("/observe", "/stop", f"/{secret}x/stop", f"/{secret}", f"//{secret}/stop"):
        assert requests.post(base + path, timeout=10).status_code == 404
    assert requests.get(f"{url}/stop", timeout=10).status_code == 405
    assert requests.post(f"{url}/stop", data="garbage", timeout=10).status_code == 400
    assert requests.post(f"{url}/observe", timeout=10).status_code == 200

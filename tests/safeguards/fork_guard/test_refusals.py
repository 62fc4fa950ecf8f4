"""Whatever a fork does with a client that it inherited, the guard refuses it."""

from tests.safeguards.fork_guard.refusals import REFUSED
from tests.support.attack import Attack, said


def test_every_use_of_a_busy_client_is_refused(attack: Attack) -> None:
    """Whatever way leads to a call of an inherited client ends with the guard's error."""
    lines = said(attack("every_use"))
    found = dict(lines)

    assert "256" == found.pop("creator")
    assert dict.fromkeys(found, REFUSED) == found
    assert 25 == len(found)
    assert {REFUSED, "256"} == {answer for _, answer in lines}
    assert 76 == len(lines)


def test_call_in_flight_is_refused(attack: Attack) -> None:
    """A future, a stream or an awaitable that the parent started is nothing for the child."""
    found = dict(said(attack("calls_in_flight")) + said(attack("async_calls")))

    assert "text" == found.pop("creator")
    assert "dropped" == found.pop("dropped")
    assert dict.fromkeys(found, REFUSED) == found
    assert 14 == len(found)


def test_error_travels_from_a_worker(attack: Attack) -> None:
    """Pools hand the guard's error to the parent as it is."""
    expected = {"Pool": REFUSED, "ProcessPoolExecutor": REFUSED}

    assert expected == dict(said(attack("pools")))


def test_rest_client_and_its_credentials_are_refused(attack: Attack) -> None:
    """An inherited session shares its connection, so neither it nor a copy of it is used."""
    found = dict(said(attack("rest_client")))

    assert "256 200 200" == found.pop("creator")
    assert "(None, None)" == found.pop("closed")
    assert "256" == found.pop("own")
    assert "200" == found.pop("unpickled") == found.pop("deep copy")
    assert dict.fromkeys(found, REFUSED) == found
    assert 6 == len(found)


def test_other_http_clients_are_refused(attack: Attack) -> None:
    """Also what sends by urllib3, or by an asynchronous transport, is its creator's alone."""
    found = dict(said(attack("other_http")))

    assert "TransportError" in found.pop("own request")
    assert "not refused" in found.pop("own session")
    assert {"http": REFUSED, "request": REFUSED, "session": REFUSED} == found


def test_async_client_is_refused_and_so_is_a_new_one_beside_it(attack: Attack) -> None:
    """A fork of a process that holds an asynchronous client can have none; otherwise it can."""
    found = dict(said(attack("async_client")))

    assert "256" == found.pop("creator") == found.pop("new sync client")
    assert "256" == found.pop("after drop")
    assert "None" == found.pop("close")
    assert "dropped" == found.pop("drop")
    assert dict.fromkeys(found, REFUSED) == found
    assert 6 == len(found)


def test_async_client_without_the_guard(attack: Attack) -> None:
    """A fork that makes an asynchronous client beside an inherited one hangs or dies.

    So does one that drops the inherited one.
    """
    expected = {"new": "hung or died", "drop": "hung or died"}

    assert expected == dict(said(attack("async_client_unguarded")))


def test_clients_that_exist_already_are_guarded(attack: Attack) -> None:
    """install() also guards what was created before it; only the place is not known then."""
    found = dict(said(attack("there_before")))

    assert "created at an unknown place, before fork_guard.install() is" in found.pop("message")
    assert "256 256" == found.pop("creator")
    assert "256" == found.pop("async creator")
    assert dict.fromkeys(found, REFUSED) == found
    assert 5 == len(found)

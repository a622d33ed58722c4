"""ExitsActor: the broker has no shares for a way out; it ends, and only another request or position begins it anew."""

from dataclasses import replace

import pytest

from actors.messages.alerts import RaiseAlert
from actors.messages.exits import FindExits, Flatten, FlattenAll
from actors.messages.market import PriceOrder
from actors.messages.orders import OrderAnswered, OrderChanged
from domain.alerts.alert import Level
from domain.exits.flatten import EndedRequest, Exposure, FlattenEnd
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.types import Product
from domain.read_models import ExitsNow
from tests.actors.test_flatten_tasks import HELD, SCOPE, WISH, ExitsRoom
from tests.fakes import order, snapshot_loaded

ENDED = EndedRequest("w1", SCOPE, 10)
WORDS = "RED:RULE:{Check Holdings Including BTST}No Holdings uploaded"
LIMIT = FlattenAll(reason="the day's loss limit was broken before")
DAY_S = 24 * 3600.0


@pytest.fixture
def room() -> ExitsRoom:
    return ExitsRoom()


def in_delivery(sent: OrderCommand) -> OrderCommand:
    """Return the exit as one of delivery: elsewhere no shares can be missing."""
    return replace(sent, product=Product.CNC)


def end(room: ExitsRoom) -> None:
    """Let somebody want out, and the broker have no shares for it."""
    refused = order(command=in_delivery(room.make_flat()), state=State.REFUSED, note=WORDS)
    room.actor.on_receive(OrderAnswered(order=refused))
    room.actor.on_receive(OrderChanged(order=refused))
    room.look(HELD, after_s=0.1)


def begins_anew(room: ExitsRoom, exposure: Exposure = HELD, after_s: float = 1.0) -> bool:
    """Let the guard answer; say whether an exit asks for its price after it."""
    room.market.take()
    room.look(exposure, after_s=after_s)
    return bool(room.market.of(PriceOrder))


def test_the_way_out_ends_is_kept_and_is_an_alarm(room: ExitsRoom) -> None:
    end(room)

    now = room.actor.on_receive(FindExits())
    assert isinstance(now, ExitsNow)
    assert (now.under_way, now.stays) == ({}, {SCOPE: 10})
    assert (room.repo.record(FlattenEnd).request_id, room.repo.record(FlattenEnd).missing) == ("w1", 10)
    (alarm,) = [one.alert for one in room.notifier.of(RaiseAlert) if one.alert.level is Level.CRITICAL]
    assert WORDS in alarm.what
    assert "trend holds 10" in alarm.what
    assert not any("flat after" in one.alert.what for one in room.notifier.of(RaiseAlert))
    assert not begins_anew(room, after_s=60)


def test_it_ends_too_where_the_broker_rejects_the_exit_after_it_was_taken(room: ExitsRoom) -> None:
    sent = room.make_flat()
    room.answer(sent, State.WORKING)
    room.actor.on_receive(OrderChanged(order=order(command=in_delivery(sent), state=State.REJECTED, note=WORDS)))

    room.look(HELD, after_s=0.1)

    assert room.under_way == {}


def test_a_limit_that_asks_again_and_again_is_not_followed_while_nothing_has_changed(room: ExitsRoom) -> None:
    end(room)

    room.actor.on_receive(LIMIT)

    assert not begins_anew(room)


@pytest.mark.parametrize(("held", "after_s"), [(6, 1.0), (10, DAY_S)], ids=["another position", "another day"])
def test_it_is_followed_once_the_position_or_the_day_is_another_one(room: ExitsRoom, held: int, after_s: float) -> None:
    end(room)
    room.look(Exposure(held), after_s=after_s)

    room.actor.on_receive(LIMIT)

    assert begins_anew(room, Exposure(held))


def test_a_new_request_tries_again_and_is_remembered_as_the_last(room: ExitsRoom) -> None:
    end(room)
    room.repo.take()

    room.actor.on_receive(Flatten(requests=(replace(WISH, request_id="w2"),)))

    assert (room.repo.record(FlattenEnd).request_id, room.repo.record(FlattenEnd).missing) == ("w1", 0)
    assert begins_anew(room)


def test_a_start_takes_up_what_has_ended_so(room: ExitsRoom) -> None:
    room.actor.on_receive(snapshot_loaded(ended_requests=(ENDED,)))

    room.actor.on_receive(LIMIT)

    assert not begins_anew(room)
    assert room.repo.records(FlattenEnd) == []


def test_a_start_takes_up_the_wishes_of_the_run_before(room: ExitsRoom) -> None:
    room.actor.on_receive(snapshot_loaded(requests=(WISH,)))

    assert room.under_way == {SCOPE: 0}

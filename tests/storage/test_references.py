"""An order is found by what a person gives of it, by a short walk through an index however many orders there are."""

import peewee
import pytest

from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event
from domain.orders.order import OrderEvent
from domain.orders.reference import is_named
from storage.orders import NAMED_MAX
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, command

NAMES = ("breakout.0123456789abcdef", "breakout.0123456789abcdee", "first", "firstly", "a.b.c", "B1", "odd..dots.")
REFERENCES = (
    "01234567",
    "0123456789abcdef",
    "breakout",
    "fir",
    "first",
    "c",
    "a.b",
    "B1",
    "odd",
    "nobody",
    "%",
    "_irst",
)


def keep(repository: OrderRepository, *commands: OrderCommand) -> None:
    with repository.transaction():
        for one in commands:
            repository.create(one, f"tag-{one.command_id}", TEN_O_CLOCK)


def found(repository: OrderRepository, reference: str) -> list[str]:
    return [one.command.command_id for one in repository.named_orders(reference)]


@pytest.fixture
def stored(repository: OrderRepository) -> OrderRepository:
    keep(repository, *(command(command_id=name) for name in NAMES))
    accepted = OrderEvent(kind=Event.ACCEPTED, broker_order_id="26100500000001")
    with repository.transaction():
        repository.update_status("first", OrderEvent(kind=Event.SENT), TEN_O_CLOCK)
        repository.update_status("first", accepted, TEN_O_CLOCK)
    return repository


@pytest.mark.parametrize("reference", [*REFERENCES, "26100500000001", "2610"])
def test_the_database_finds_what_a_reference_means(stored: OrderRepository, reference: str) -> None:
    orders = stored.newest_orders(50)

    meant = [one.command.command_id for one in orders if is_named(one, reference)]

    assert found(stored, reference) == meant


def test_another_clients_order_is_not_meant(stored: OrderRepository, database: peewee.SqliteDatabase) -> None:
    theirs = OrderRepository(database, "FA2")
    keep(theirs, command(command_id="first", client_id="FA2"))

    assert found(stored, "first") == ["firstly", "first"]
    assert found(theirs, "first") == ["first"]
    assert found(theirs, "26100500000001") == []


def test_a_whole_id_is_found_however_many_others_begin_with_it(repository: OrderRepository) -> None:
    keep(repository, *(command(command_id=f"many-{number}") for number in range(NAMED_MAX + 50)))
    keep(repository, command(command_id="many"))

    names = found(repository, "many")

    assert "many" in names
    assert len(names) == NAMED_MAX

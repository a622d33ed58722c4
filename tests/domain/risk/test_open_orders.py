"""What is being entered, and which orders of ours could trade with each other."""

from domain.exits.flatten import PositionKey
from domain.orders.types import Intent, Side
from domain.risk.open_orders import OpenOrders
from tests.fakes import command

BUY = command(command_id="b")
SELL = command(command_id="s", strategy="other", side=Side.SELL)


def test_orders_of_ours_on_both_sides_could_meet_until_one_is_over() -> None:
    orders = OpenOrders()
    orders.add(BUY)
    orders.add(command(command_id="younger"))
    assert orders.could_meet(SELL) == "b"

    orders.remove(BUY)
    assert orders.could_meet(SELL) == "younger"
    assert orders.could_meet(command(command_id="elsewhere", symbol="INFY-EQ", side=Side.SELL)) is None


def test_a_position_counts_once_whether_held_or_being_entered_and_an_exit_opens_none() -> None:
    orders = OpenOrders()
    orders.add(BUY)
    orders.add(command(command_id="out", strategy="leaves", side=Side.SELL, intent=Intent.EXIT))

    held = (PositionKey(BUY.strategy, BUY.key), PositionKey("third", BUY.key))
    assert orders.positions_beside(SELL, held) == 2
    assert orders.positions_beside(BUY, held) == 1


def test_what_is_over_twice_is_over() -> None:
    orders = OpenOrders()
    orders.add(BUY)

    orders.remove(BUY)
    orders.remove(BUY)

    assert orders.positions_beside(SELL, ()) == 0

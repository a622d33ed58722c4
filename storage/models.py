"""The tables, as peewee sees them.

They serve the cold tables. A migration is statements of its own, frozen when it was written (storage/migrations), and
the order path reads and writes orders, journal and fills through prepared statements (storage/orders.py, repository.py,
journal.py): tests hold that all three name the same columns.
"""

from typing import Final

import peewee

from domain.orders.lifecycle import TERMINAL, State
from storage.fields import AmountField, MomentField

database_proxy: peewee.DatabaseProxy = peewee.DatabaseProxy()


class Table(peewee.Model):
    """A table of the desk's database."""

    class Meta:
        """Bind every table to the database that the repository opens."""

        database = database_proxy
        legacy_table_names = False


class OrderRecord(Table):
    """The guide's orders table, and what stands behind its four statuses."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    command_id = peewee.TextField()
    broker_order_id = peewee.TextField(null=True)
    status = peewee.TextField()
    tag = peewee.TextField(null=True)
    exchange = peewee.TextField()
    symbol = peewee.TextField()
    side = peewee.TextField()
    quantity = peewee.IntegerField()
    order_type = peewee.TextField()
    price = peewee.FloatField(null=True)
    created_at = peewee.DateTimeField()
    updated_at = peewee.DateTimeField()
    state = peewee.TextField()
    note = peewee.TextField(default="")
    remarks_tag = peewee.TextField(default="")
    strategy = peewee.TextField()
    intent = peewee.TextField()
    origin = peewee.TextField()
    product = peewee.TextField()
    requested_quantity = peewee.IntegerField()
    trigger_price = peewee.FloatField(null=True)
    limit_price = peewee.FloatField(null=True)
    filled_quantity = peewee.IntegerField(default=0)
    average_price = peewee.FloatField(null=True)
    stop_loss = peewee.FloatField(null=True)
    target = peewee.FloatField(null=True)
    trailing_type = peewee.TextField(null=True)
    trailing_value = peewee.FloatField(null=True)
    trail_activation = peewee.FloatField(null=True)
    comment = peewee.TextField(default="")
    amo = peewee.IntegerField(default=0)
    day = peewee.TextField(default="")
    wire_trigger_price = peewee.FloatField(null=True)
    change = peewee.TextField(null=True)

    class Meta:
        """One order per command id and client."""

        table_name = "orders"
        indexes = ((("client_id", "command_id"), True),)


OPEN_STATES: Final = tuple(sorted(set(State) - TERMINAL))
_OPEN: Final = ", ".join(f"'{state.value}'" for state in OPEN_STATES)
OPEN: Final = f"state IN ({_OPEN})"
"""The condition of an order that is not over, spelled the same in the index and in every query that leans on it."""

# Partial, so that they cost the order path as little as can be: an order that moves from open to open touches neither.
OrderRecord.add_index(peewee.SQL(f"CREATE INDEX IF NOT EXISTS orders_open ON orders (client_id) WHERE {OPEN}"))
OrderRecord.add_index(
    peewee.SQL(
        "CREATE INDEX IF NOT EXISTS orders_broker_id ON orders (client_id, broker_order_id)"
        " WHERE broker_order_id IS NOT NULL"
    )
)
OrderRecord.add_index(
    peewee.SQL(
        "CREATE INDEX IF NOT EXISTS orders_unnumbered ON orders (client_id, remarks_tag) WHERE broker_order_id IS NULL"
    )
)
OrderRecord.add_index(peewee.SQL("CREATE INDEX IF NOT EXISTS orders_day ON orders (client_id, day)"))

UNIQUE_PART: Final = "substr(command_id, length(rtrim(command_id, replace(command_id, '.', ''))) + 1)"
"""What stands after the last point of a command id, or all of one without a point; spelled as in its index."""
OrderRecord.add_index(peewee.SQL(f"CREATE INDEX IF NOT EXISTS orders_unique_part ON orders (client_id, {UNIQUE_PART})"))


class OrderEventRecord(Table):
    """The journal: append only, one line for every transition, with all that it changed."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    command_id = peewee.TextField()
    at = peewee.DateTimeField()
    event = peewee.TextField()
    state_before = peewee.TextField(null=True)
    state_after = peewee.TextField()
    tag = peewee.TextField(null=True)
    note = peewee.TextField(default="")
    changes = peewee.TextField()
    inputs = peewee.TextField()

    class Meta:
        """Read by order, in the order of writing."""

        table_name = "order_events"
        indexes = ((("client_id", "command_id"), False),)


class FillRecord(Table):
    """Each fill once (key: client, exchange, broker order, fill id)."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    command_id = peewee.TextField()
    exchange = peewee.TextField()
    broker_order_id = peewee.TextField()
    fill_id = peewee.TextField()
    symbol = peewee.TextField()
    side = peewee.TextField()
    quantity = peewee.IntegerField()
    price = peewee.FloatField()
    traded_at = peewee.TextField()

    class Meta:
        """A fill that is seen again is the same fill."""

        table_name = "fills"
        indexes = ((("client_id", "exchange", "broker_order_id", "fill_id"), True),)


class CarriedStateRecord(Table):
    """What the orders of all days before `day` come to, counted once."""

    client_id = peewee.TextField()
    day = peewee.TextField()
    state = peewee.TextField()

    class Meta:
        """The last one counts."""

        table_name = "carried_states"
        primary_key = peewee.CompositeKey("client_id", "day")


class TradingStateRecord(Table):
    """What may be sent; survives restarts."""

    client_id = peewee.TextField(primary_key=True)
    state = peewee.TextField()
    reason = peewee.TextField()
    since = MomentField()

    class Meta:
        """One row a client."""

        table_name = "trading_state"


class ExternalMoveRecord(Table):
    """Units that the account holds by nobody's order that we saw: carried into the day, or accepted by a person."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    at = MomentField()
    day = peewee.TextField()
    exchange = peewee.TextField()
    symbol = peewee.TextField()
    product = peewee.TextField()
    quantity = peewee.IntegerField()
    reason = peewee.TextField()
    kind = peewee.TextField(default="CARRIED")

    class Meta:
        """Append only: the sum counts."""

        table_name = "external_moves"


class AcceptedRecord(Table):
    """A reconciliation break that a person has accepted for its day."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    at = MomentField()
    name = peewee.TextField()
    reason = peewee.TextField()
    undone_at = MomentField(null=True)

    class Meta:
        """Each is accepted once a day, or again after it was undone."""

        table_name = "accepted_breaks"


class ArmedStopRecord(Table):
    """The stops of a position: armed, with the best price seen, until `ended` says why they are over."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    stop_id = peewee.TextField()
    strategy = peewee.TextField()
    exchange = peewee.TextField()
    symbol = peewee.TextField()
    product = peewee.TextField()
    is_long = peewee.IntegerField()
    quantity = peewee.IntegerField()
    stop_loss = AmountField(null=True)
    target = AmountField(null=True)
    trailing_type = peewee.TextField(null=True)
    trailing_value = AmountField(null=True)
    trail_activation = AmountField(null=True)
    entry_price = AmountField()
    best_price = AmountField()
    armed_at = MomentField()
    ended = peewee.TextField(default="")

    class Meta:
        """An entry's stops are one row, however often they are armed."""

        table_name = "armed_stops"
        indexes = ((("client_id", "stop_id"), True),)


class RiskDayRecord(Table):
    """How each trading day stood against its limits, in rupees."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    day = peewee.TextField()
    pnl = AmountField()
    peak_pnl = AmountField()
    base = AmountField()
    breach = peewee.TextField(default="")
    breached_at = MomentField(null=True)
    spent = peewee.TextField(default="[]")
    first_prices = peewee.TextField(default="[]")

    class Meta:
        """One row a day."""

        table_name = "risk_days"
        indexes = ((("client_id", "day"), True),)


class BasketTable(Table):
    """Orders that belong together, and how they ended."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    basket_id = peewee.TextField()
    strategy = peewee.TextField()
    asked_at = MomentField()
    given = peewee.TextField()
    state = peewee.TextField()
    message = peewee.TextField(default="")

    class Meta:
        """A basket's id is taken once."""

        table_name = "baskets"
        indexes = ((("client_id", "basket_id"), True),)


class AlertTable(Table):
    """Warnings and alarms: told to a person or still to be, and seen or not."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    alert_id = peewee.TextField()
    raised_at = MomentField()
    topic = peewee.TextField()
    level = peewee.TextField()
    what = peewee.TextField()
    means = peewee.TextField()
    do_this = peewee.TextField(default="")
    ends = peewee.IntegerField(default=0)
    told_at = MomentField(null=True)
    owed = peewee.TextField(default="")
    acknowledged_at = MomentField(null=True)

    class Meta:
        """Each is one row, however often it is told."""

        table_name = "alerts"
        indexes = ((("client_id", "alert_id"), True),)


class WriteOffRecord(Table):
    """Units that a person has written off a strategy's book: they count under EXTERNAL."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    at = MomentField()
    day = peewee.TextField()
    strategy = peewee.TextField()
    exchange = peewee.TextField()
    symbol = peewee.TextField()
    product = peewee.TextField()
    units = peewee.IntegerField()
    reason = peewee.TextField()
    price = AmountField(null=True)

    class Meta:
        """Append only: the sum counts. With a price they were closed at it, else they count on at their cost."""

        table_name = "position_write_offs"


class FlattenRequestRecord(Table):
    """A position that is to be made flat, until it was."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    request_id = peewee.TextField()
    asked_at = MomentField()
    strategy = peewee.TextField()
    exchange = peewee.TextField()
    symbol = peewee.TextField()
    product = peewee.TextField()
    reason = peewee.TextField()
    origin = peewee.TextField()
    flat_at = MomentField(null=True)
    missing = peewee.IntegerField(null=True)
    """Signed units held by our books when the broker had no shares to sell: then it has ended without being flat."""

    class Meta:
        """A request that is told again is the same request."""

        table_name = "flatten_requests"
        indexes = ((("client_id", "request_id"), True),)


class ExpiryRecord(Table):
    """The last day of a contract that was traded here, as the broker has told it."""

    id = peewee.AutoField()
    client_id = peewee.TextField()
    exchange = peewee.TextField()
    symbol = peewee.TextField()
    expires_on = peewee.TextField()

    class Meta:
        """One row a contract."""

        table_name = "expiries"
        indexes = ((("client_id", "exchange", "symbol"), True),)

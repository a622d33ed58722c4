"""What a person is told about baskets."""

from domain.alerts.alert import Alert, Level
from domain.baskets import Basket, BasketState, Finish


def ended_alert(basket: Basket, finish: Finish) -> Alert:
    """Say how a basket ended."""
    topic, name = f"basket:{basket.basket_id}", f"Basket {basket.basket_id} of {basket.strategy}"
    match finish.state:
        case BasketState.DONE:
            return Alert(
                topic=topic,
                level=Level.INFO,
                what=f"{name} is whole: {finish.message}.",
                means="The position stands as it was meant to.",
                do="Say `positions` to see it.",
            )
        case BasketState.COMPENSATED:
            return Alert(
                topic=topic,
                level=Level.WARNING,
                what=f"{name} failed and is taken back: {finish.message}.",
                means="Nothing of it is to stay; you hear when each position is flat.",
                do="Say `status` to watch it.",
            )
        case _:
            naked = bool(finish.filled)
            return Alert(
                topic=topic,
                level=Level.CRITICAL if naked else Level.WARNING,
                what=f"{name} stopped: {finish.message}.",
                means="The legs that filled stand without the others." if naked else "Nothing of it is in the market.",
                do=f"Say `flatten --strategy {basket.strategy}` to get out, or complete it by hand."
                if naked
                else "Fix what failed, and send a new basket.",
            )

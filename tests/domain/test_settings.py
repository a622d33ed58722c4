from collections.abc import Iterator
from typing import Any, Final, get_args

import pytest
from pydantic import BaseModel, ValidationError

from domain.settings import Settings


def _fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, str | None]]:
    for name, field in model.model_fields.items():
        yield f"{path}{name}", field.description
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _fields(kind, f"{path}{name}.")


def test_every_setting_says_what_it_is() -> None:
    fields = dict(_fields(Settings))

    assert "calendar.special_sessions.opens" in fields
    assert [name for name, description in fields.items() if not description] == []


LIVE_BROKER: Final = {"rest_url": "https://api.example/", "websocket_url": "wss://w.example/"}
LIVE: Final = {"mode": "live", "client_id": "A", "broker": LIVE_BROKER}

WRONG: Final[list[tuple[dict[str, Any], str]]] = [
    ({"mode": "live", "client_id": "A"}, "mode is live but broker.rest_url is not set"),
    ({**LIVE, "broker": {**LIVE_BROKER, "orders_per_second_max": 11}}, "needs broker.algo_id"),
    (
        {"strategies": [{"class": "a:A", "name": "x"}, {"class": "b:B", "name": "x"}]},
        "two strategies have the same name",
    ),
    ({"broker": {"rest_url": "https://api.example/"}}, "broker.rest_url leads to 'api.example'"),
    (
        {**LIVE, "broker": {**LIVE_BROKER, "rest_url": "https://[2001:db8::1]/"}},
        "broker.rest_url: ",
    ),
    ({"broker": {"orders_reserved_for_exits": 10}}, "orders_reserved_for_exits must be below orders_per_second_max"),
    ({"alerts": {"telegram_token": "1:a"}}, "telegram_token and telegram_chat_id must be given together"),
    ({"alerts": {"telegram_api_url": "http://bots.example"}}, "telegram_api_url is plain http://"),
    ({"alerts": {"quiet_from": "22:00"}}, "quiet_from and quiet_to must be given together"),
    ({"api": {"host": "0.0.0.0"}}, "host must be 127.0.0.1 or ::1"),
    ({"api": {"token": "short"}}, "token must have at least"),
]


@pytest.mark.parametrize(("given", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_settings_that_can_not_be_meant_together_are_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"mode": "paper", "client_id": "A"} | given)

    assert sentence in str(refused.value)


def test_live_money_names_each_credential_that_is_missing_by_its_variable() -> None:
    paper, live = (Settings.model_validate(one) for one in ({"mode": "paper", "client_id": "A"}, LIVE))
    quick = Settings.model_validate({**LIVE, "broker": {**LIVE_BROKER, "dialect": "quickauth", "password": "p"}})
    token = Settings.model_validate({**LIVE, "broker": {**LIVE_BROKER, "dialect": "oauth"}})

    assert paper.missing_credentials == ()
    assert live.address_rules.loopback_only is False
    assert quick.missing_credentials == (
        "DESK_BROKER__TOTP_SECRET",
        "DESK_BROKER__VENDOR_CODE",
        "DESK_BROKER__API_SECRET",
    )
    assert token.missing_credentials == ("DESK_BROKER__ACCESS_TOKEN",)

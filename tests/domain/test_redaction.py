"""No secret stands in a text that leaves."""

from domain.redaction import redacted, secrets_of, without
from domain.settings import Settings

TELEGRAM = "123456:AAbbCCddEE-ff"
URL = "discord://4711471147/geheimes-wort"


def settings_with(**alerts: object) -> Settings:
    return Settings.model_validate({"mode": "paper", "client_id": "A", "alerts": alerts})


def test_the_parts_of_a_channels_address_are_taken_for_secrets() -> None:
    words = secrets_of(settings_with(telegram_token=TELEGRAM, telegram_chat_id="1", urls=[URL]))

    told = without(words, f"POST /api/webhooks/4711471147/geheimes-wort after {URL} and {TELEGRAM}")

    assert told == "POST /api/webhooks/***/*** after *** and ***"


def test_the_longest_secret_is_masked_first() -> None:
    words = secrets_of(settings_with(), "abcd")

    assert words == ("abcd",)
    assert secrets_of(settings_with(), "abc") == ()


def test_what_names_tell_of_a_secret_is_masked_unknown_as_it_is() -> None:
    said = "https://u:pw@host/bot1:AA/x pwd=one {'apikey': ['two']} Authorization: Bearer three.four, bearer five"

    assert redacted(said) == ("https://u:***@host/bot***/x pwd=*** {'apikey': [***]} Authorization: ***, bearer ***")

import os
from decimal import Decimal
from pathlib import Path

import pytest

from console.settings_file import SettingsError, load_settings
from domain.settings import Mode, Settings

GOOD = """
mode = "paper"
client_id = "FA1"
"""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DESK_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "desk.toml"


def load(file: Path, more: str = "", text: str = GOOD) -> Settings:
    file.write_text(text + more, encoding="utf-8")
    file.chmod(0o644)
    return load_settings(file)


TYPOS = [
    ('mode = "pappper"\nclient_id = "FA1"', "mode: Input should be 'paper' or 'live', not 'pappper'"),
    ('mode = "PAPER"\nclient_id = "FA1"', "mode: Input should be 'paper' or 'live', not 'PAPER'"),
    ('client_id = "FA1"', "mode is missing: set it in desk.toml or as DESK_MODE"),
    ('mode = "paper"', "client_id is missing: set it in desk.toml or as DESK_CLIENT_ID"),
    (GOOD + "modus = 1", "modus is not a setting; check its spelling"),
    (GOOD + "[brokre]\nrest_url = 'x'", "brokre is not a setting; check its spelling"),
    (GOOD + "[broker]\nresturl = 'x'", "broker.resturl is not a setting; check its spelling"),
    (
        GOOD + "[risk]\norder_quantity_max = -5",
        "risk.order_quantity_max: Input should be greater than or equal to 1, not -5",
    ),
    (GOOD + "[risk]\norder_notional_max = nan", "risk.order_notional_max: Input should be a finite number, not nan"),
    (GOOD + "[watcher]\npoll_interval_s = nan", "watcher.poll_interval_s: Input should be a finite number, not nan"),
    (GOOD + "[watcher]\npoll_interval_s = 0", "watcher.poll_interval_s: Input should be greater than 0, not 0"),
    (
        GOOD + "[api]\nhost = '0.0.0.0'",
        "api: host must be 127.0.0.1 or ::1, not '0.0.0.0'",
    ),
    (
        GOOD + "[broker]\norders_reserved_for_exits = 10",
        "broker: orders_reserved_for_exits must be below orders_per_second_max, or no entry could pass",
    ),
    (
        GOOD + "[broker]\nrest_url = 'https://broker.example/'",
        (
            "broker.rest_url leads to 'broker.example', but mode is \"paper\", which trades on this machine "
            'only (127.0.0.1, ::1 or localhost): take broker.rest_url out, or write mode = "live" if '
            "real money is meant"
        ),
    ),
    (
        GOOD + "[alerts]\ntelegram_api_url = 'http://bots.example'",
        "alerts: telegram_api_url is plain http:// to 'bots.example'; secrets leave this machine over https:// only",
    ),
    (
        GOOD + "[[strategies]]\nclass = 'a:A'\nname = 'x'\n[[strategies]]\nclass = 'b:B'\nname = 'x'",
        "two strategies have the same name",
    ),
    (
        GOOD + "[[strategies]]\nname = 'x'",
        "strategies.0.class is missing: set it in desk.toml or as DESK_STRATEGIES__0__CLASS",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), TYPOS)
def test_a_typo_is_refused_with_one_clear_sentence(file: Path, text: str, sentence: str) -> None:
    # D11.
    with pytest.raises(SettingsError) as refused:
        load(file, text=text)

    assert str(refused.value) == f"{file}: {sentence}"


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        load_settings(file)


@pytest.mark.parametrize("text", [b"mode = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(file: Path, text: bytes) -> None:
    file.write_bytes(text)

    with pytest.raises(SettingsError, match=r"desk\.toml cannot be read: "):
        load_settings(file)


def test_every_setting_but_two_has_a_default(file: Path) -> None:
    settings = load(file)

    assert (settings.mode, settings.client_id) == (Mode.PAPER, "FA1")
    assert settings.watcher.poll_interval_s == 1.0
    assert (settings.proof.books, settings.proof.window_s) == (3, 90.0)


def test_the_environment_wins_over_the_file_key_by_key(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_BROKER__READ_TIMEOUT_S", "2.5")

    settings = load(file, "[broker]\nread_timeout_s = 9.0\nconnect_timeout_s = 4.0")

    assert (settings.broker.read_timeout_s, settings.broker.connect_timeout_s) == (2.5, 4.0)


def test_a_misspelled_key_in_the_environment_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_BROKER__READ_TIMEOUTS", "2.5")

    with pytest.raises(
        match=r"^broker\.read_timeouts is not a setting; check its spelling \(from the environment's DESK_",
    ):
        load(file)


def test_defaults_fill_what_neither_file_nor_environment_says(file: Path) -> None:
    file.write_text(GOOD, encoding="utf-8")

    settings = load_settings(file, mode="live", data_dir=Path("elsewhere"))

    assert (settings.mode, settings.data_dir) == (Mode.PAPER, Path("elsewhere"))


@pytest.mark.parametrize(
    "secret",
    [
        ("broker", "password"),
        ("broker", "totp_secret"),
        ("broker", "api_secret"),
        ("broker", "access_token"),
        ("api", "token"),
    ],
    ids=".".join,
)
def test_a_secret_in_a_file_that_others_may_read_is_refused(file: Path, secret: tuple[str, str]) -> None:
    section, key = secret
    text = f'[{section}]\n{key} = "hunter2"'

    with pytest.raises(SettingsError) as refused:
        load(file, text)

    assert f"DESK_{section.upper()}__{key.upper()}" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_secret_in_a_private_file_is_taken(file: Path) -> None:
    file.write_text(GOOD + '[broker]\npassword = "hunter2"', encoding="utf-8")
    file.chmod(0o600)

    assert load_settings(file).broker.password.get_secret_value() == "hunter2"


def test_a_secret_never_shows(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_BROKER__PASSWORD", "hunter2")

    settings = load(file)

    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


@pytest.mark.parametrize("key", ["password", "totp_secret", "api_secret", "access_token"])
def test_a_secret_of_the_wrong_kind_is_not_repeated_in_the_sentence(file: Path, key: str) -> None:
    file.write_text(GOOD + f"[broker]\n{key} = 8675309", encoding="utf-8")
    file.chmod(0o600)

    with pytest.raises(SettingsError) as refused:
        load_settings(file)

    assert f"broker.{key}" in str(refused.value)
    assert "8675309" not in str(refused.value)


LIVE = 'mode = "live"\nclient_id = "FA1"\n[broker]\n'


@pytest.mark.parametrize(
    ("broker", "sentence"),
    [
        ("", "mode is live but broker.rest_url is not set"),
        (
            "rest_url = 'https://broker'\norders_per_second_max = 11",
            "live mode above 10 orders a second needs broker.algo_id (SEBI retail-algo rules)",
        ),
        (
            "rest_url = 'http://broker.example'",
            ("broker.rest_url is plain http:// to 'broker.example'; secrets leave this machine over https:// only"),
        ),
        (
            "rest_url = 'https://broker.example'\nwebsocket_url = 'ws://broker.example'",
            ("broker.websocket_url is plain ws:// to 'broker.example'; secrets leave this machine over wss:// only"),
        ),
    ],
)
def test_live_money_is_refused_without_what_it_needs(file: Path, broker: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(file, text=LIVE + broker)

    assert str(refused.value) == f"{file}: {sentence}"


@pytest.mark.parametrize(
    ("text", "family"),
    [
        (LIVE + "rest_url = 'https://broker'", "ipv4"),
        (LIVE + "rest_url = 'https://broker'\naddress_family = 'any'", "any"),
        (LIVE + "rest_url = 'https://[2001:db8::1]'\naddress_family = 'ipv6'", "ipv6"),
        (GOOD, "any"),
        (GOOD + "[broker]\naddress_family = 'ipv4'", "ipv4"),
    ],
)
def test_live_money_leaves_by_ipv4_unless_told_otherwise(file: Path, text: str, family: str) -> None:
    assert load(file, text=text).address_rules.family == family


def test_an_address_of_the_other_family_is_refused_by_name(file: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(file, text=LIVE + "rest_url = 'https://[2001:db8::1]/'")

    message = "broker.rest_url: 2001:db8::1 is an IPv6 address, and broker.address_family is ipv4"
    assert str(refused.value) == f"{file}: {message}"


@pytest.mark.parametrize("broker", ["orders_per_second_max = 10", "orders_per_second_max = 11\nalgo_id = 'A1'"])
def test_live_money_is_taken_with_what_it_needs(file: Path, broker: str) -> None:
    assert load(file, text=LIVE + "rest_url = 'https://broker'\n" + broker).mode is Mode.LIVE


def test_a_strategys_own_parameters_are_passed_on(file: Path) -> None:
    settings = load(file, "[[strategies]]\nclass = 'examples.one_shot:OneShot'\nname = 'first'\nquantity = 5")

    assert settings.strategies[0].parameters == {"quantity": 5}


def test_money_in_settings_is_decimal(file: Path) -> None:
    assert load(file, "[risk]\norder_notional_max = '12345.67'").risk.order_notional_max == Decimal("12345.67")


def test_a_misspelled_section_of_the_environment_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_WATCHR__POLL_INTERVAL_S", "1")

    with pytest.raises(SettingsError, match="DESK_WATCHR__POLL_INTERVAL_S is not a setting"):
        load_settings(None, mode="paper", client_id="C1")


# FINDINGS B11, D12, CASES S6


def test_all_that_is_wrong_is_said_at_once_with_the_file_it_stands_in(file: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(file, "[risk]\norder_quantity_max = -5\n[api]\nprt = 1", text='mode = "papper"\n')

    told = str(refused.value)
    assert told.startswith(f"{file}: ")
    for message in (
        "mode: Input should be",
        "client_id is missing",
        "risk.order_quantity_max:",
        "api.prt is not a setting",
    ):
        assert message in told


def test_a_variable_that_is_wrong_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_RISK__ORDER_QUANTITY_MAX", "many")

    with pytest.raises(SettingsError, match="from the environment's DESK_RISK__ORDER_QUANTITY_MAX"):
        load(file)


def test_a_list_that_is_no_json_in_the_environment_is_one_sentence(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_ALERTS__URLS", "mailto://user:hunter2@example.com")

    with pytest.raises(SettingsError) as refused:
        load(file)

    assert "the environment's DESK_ALERTS__URLS cannot be read" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_byte_order_mark_changes_nothing(file: Path) -> None:
    file.write_bytes(GOOD.encode("utf-8-sig"))

    assert load_settings(file).client_id == "FA1"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_named_as_such(file: Path, encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    file.write_bytes(mark + GOOD.encode(encoding))

    with pytest.raises(SettingsError, match="it is written in UTF-16; save it as UTF-8"):
        load_settings(file)


@pytest.mark.parametrize(
    ("dialect", "missing"),
    [
        (
            "quickauth",
            (
                "DESK_BROKER__PASSWORD",
                "DESK_BROKER__TOTP_SECRET",
                "DESK_BROKER__VENDOR_CODE",
                "DESK_BROKER__API_SECRET",
            ),
        ),
        ("oauth", ("DESK_BROKER__ACCESS_TOKEN",)),
    ],
)
def test_what_a_live_login_needs_is_named_whole(file: Path, dialect: str, missing: tuple[str, ...]) -> None:
    live = f"rest_url = 'https://broker.example/'\ndialect = '{dialect}'\n"

    assert load(file, live, text=LIVE).missing_credentials == missing
    assert load(file).missing_credentials == ()

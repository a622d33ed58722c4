import pytest

from domain.broker.addresses import (
    TLS_OFF_LOOPBACK,
    AddressFamily,
    AddressRules,
    address_objection,
    is_loopback_ip,
    names_an_address,
)

HERE = [
    "http://127.0.0.1:8080/NorenWClientTP/",
    "http://127.0.0.1",
    "http://127.255.255.254:1/",
    "HTTP://LOCALHOST:8080/",
    "http://[::1]:8080/",
    "http://[0:0:0:0:0:0:0:1]:8080/",
    "https://127.0.0.1:8443/",
]
ELSEWHERE = [
    "https://api.shoonya.com/NorenWClientTP/",
    "HTTPS://API.SHOONYA.COM/",
    "http://192.168.1.10:8080/",
    "http://0.0.0.0:8080/",
    "http://[::]:8080/",
    "http://[::ffff:127.0.0.1]:8080/",
    "http://[::1%25lo]:8080/",
    "http://2130706433:8080/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.0.1.nip.io/",
    "http://localhost.evil.example/",
    "http://localhost./",
    "http://paper-broker/",
]
MALFORMED = [
    "",
    "127.0.0.1:8080",
    "//127.0.0.1/",
    "ftp://127.0.0.1/",
    "ws://127.0.0.1/",
    "http://",
    "http:///NorenWClientTP/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:port/",
    "http://[::1/",
    "http://127.0.0.1@evil.example/",
    "http://evil.example@127.0.0.1/",
    "http://127.0.0.1\\@evil.example/",
    "http://127.0.0.1 .evil.example/",
    "http://127.0.0.1\t/",
    "http://127.0.0.1\n/",
    "http://１２７.0.0.1/",  # noqa: RUF001  full-width digits, which a resolver may take for plain ones
]


@pytest.mark.parametrize("url", HERE)
@pytest.mark.parametrize("paper", [True, False])
def test_an_address_of_this_machine_is_taken_in_either_mode(url: str, paper: bool) -> None:  # noqa: FBT001
    assert address_objection("broker.rest_url", url, "http", paper=paper) is None


@pytest.mark.parametrize("url", ELSEWHERE)
def test_paper_takes_no_address_of_another_machine(url: str) -> None:
    objection = address_objection("broker.rest_url", url, "http", paper=True)

    assert objection is not None
    assert objection.startswith("broker.rest_url ")
    assert 'mode is "paper"' in objection or "must be an address" in objection


@pytest.mark.parametrize("url", [one for one in ELSEWHERE if one.startswith("http:")])
def test_live_takes_no_plain_address_of_another_machine(url: str) -> None:
    objection = address_objection("broker.rest_url", url, "http", paper=False)

    assert objection is not None
    assert "https://" in objection


@pytest.mark.parametrize("url", ["https://api.shoonya.com/NorenWClientTP/", "HTTPS://203.0.113.7:8443/"])
def test_live_takes_tls_to_any_machine(url: str) -> None:
    assert address_objection("broker.rest_url", url, "http", paper=False) is None


@pytest.mark.parametrize(("url", "taken"), [("wss://api.shoonya.com/", True), ("ws://api.shoonya.com/", False)])
def test_the_websocket_is_held_against_the_same_rules(url: str, taken: bool) -> None:  # noqa: FBT001
    live = address_objection("broker.websocket_url", url, "ws", paper=False)

    assert (live is None) is taken
    assert address_objection("broker.websocket_url", url, "ws", paper=True) is not None
    assert address_objection("broker.websocket_url", "ws://127.0.0.1:1/", "ws", paper=True) is None


@pytest.mark.parametrize("url", MALFORMED)
@pytest.mark.parametrize("paper", [True, False])
def test_what_is_no_address_is_refused_in_either_mode(url: str, paper: bool) -> None:  # noqa: FBT001
    objection = address_objection("broker.rest_url", url, "http", paper=paper)

    assert objection is not None
    assert objection.startswith("broker.rest_url must be an address such as https://host/path")


def test_a_password_in_an_address_is_never_repeated() -> None:
    objection = address_objection("broker.rest_url", "https://me:hunter2@api.shoonya.com/", "http", paper=False)

    assert objection is not None
    assert "hunter2" not in objection


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.9.9.9", "::1"])
@pytest.mark.parametrize("rules", [TLS_OFF_LOOPBACK, AddressRules(loopback_only=True)])
def test_a_connection_to_this_machine_may_be_opened(ip: str, rules: AddressRules) -> None:
    assert is_loopback_ip(ip)
    assert rules.objection(ip, secure=False) is None


@pytest.mark.parametrize("ip", ["10.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1", "2001:db8::1", "fe80::1%lo"])
def test_a_connection_to_another_machine_wants_tls_and_is_never_papers(ip: str) -> None:
    assert TLS_OFF_LOOPBACK.objection(ip, secure=True) is None
    assert TLS_OFF_LOOPBACK.objection(ip, secure=False) is not None
    assert AddressRules(loopback_only=True).objection(ip, secure=True) is not None


@pytest.mark.parametrize(
    ("family", "ip", "taken"),
    [
        (AddressFamily.IPV4, "203.0.113.7", True),
        (AddressFamily.IPV4, "2001:db8::1", False),
        (AddressFamily.IPV4, "::ffff:203.0.113.7", False),
        (AddressFamily.IPV6, "203.0.113.7", False),
        (AddressFamily.IPV6, "2001:db8::1", True),
        (AddressFamily.ANY, "203.0.113.7", True),
        (AddressFamily.ANY, "2001:db8::1", True),
    ],
)
def test_a_connection_leaves_by_the_chosen_family(family: AddressFamily, ip: str, taken: bool) -> None:  # noqa: FBT001
    objection = AddressRules(family=family).objection(ip, secure=True)

    assert (objection is None) is taken
    assert objection is None or f"broker.address_family is {family.value}" in objection


@pytest.mark.parametrize("family", AddressFamily)
def test_this_machine_is_reached_by_either_family(family: AddressFamily) -> None:
    assert AddressRules(family=family).objection("::1", secure=False) is None
    assert AddressRules(family=family).objection("127.0.0.1", secure=False) is None


@pytest.mark.parametrize(
    "message",
    [
        "Rejected : ALGO_CHK: Invalid IP address",
        "Invalid Input : INVALID_IP",
        "Invalid Input : Request IP is not the registered static IP",
        "request from ip 10.0.0.5 is not allowed",
    ],
)
def test_a_refusal_of_our_address_is_known_by_the_ip_that_it_names(message: str) -> None:
    assert names_an_address(message)


@pytest.mark.parametrize(
    "message", ["", "RED:Margin Shortfall", "Invalid Input : Script SHIPYARD-EQ", "TIP-EQ: no symbol"]
)
def test_other_refusals_name_no_address(message: str) -> None:
    assert not names_an_address(message)

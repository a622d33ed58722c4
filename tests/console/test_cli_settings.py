"""Both ways of reading where the desk is agree, and what the light one can't judge goes to the whole one."""

from pathlib import Path

import pytest

from console.cli.settings import read_client_settings, read_plainly, read_whole
from console.errors import PlainError

TOP = 'mode = "paper"\nclient_id = "PAPER"\n'
USUAL = [
    ("", {}),
    ('[api]\nport = 0\nhost = "::1"', {}),
    ('[api]\nport = "99"', {}),
    ('data_dir = "there"', {}),
    ('data_dir = "there"\n[api]\ntoken_path = "token"', {}),
    ('data_dir = "there"\n[api]\ntoken_path = "./.desk/api-token"', {}),
    ("[api]\nanswer_wait_s_max = 3", {}),
    ("[api]\nanswer_wait_s_max = 2.5", {}),
    ("exits_only = true\n[risk]\norders_per_day_max = 5", {}),
    ("[api]\nport = 1", {"DESK_API__PORT": "2"}),
    ('data_dir = "there"', {"DESK_DATA_DIR": "elsewhere"}),
    ('[api]\nhost = "::1"', {"DESK_API__HOST": "127.0.0.1", "DESK_API__ANSWER_WAIT_S_MAX": "4.5"}),
    ("", {"DESK_API__TOKEN": "a-token-of-my-own-choice"}),
    ("", {"DESK_API__TOKEN": ""}),
    ("", {"DESK_API__TOKEN_PATH": "somewhere/token", "DESK_CLIENT_ID": "OTHER", "DESK_MODE": "paper"}),
    ("", {"DESK_CONFIG": "ignored-here.toml", "DESK_BROKER__PASSWORD": "secret"}),
]
UNUSUAL = [
    ("[api]\nport = 8711.0", {}),
    ("[api]\nport = 1", {"desk_api__port": "3"}),
    ("[api]\nport = 1", {"DESK_API": '{"port": 4}'}),
    ("[api]\nport = 1", {"DESK_API__ANSWER_WAIT_S_MAX": "1e1"}),
    ("[api]\nport = 65535", {}),
]
WRONG = [
    ("[api]\nport = 70000", {}),
    ("[api]\nprot = 1", {}),
    ('data_dri = "x"', {}),
    ('[api]\nhost = "0.0.0.0"', {}),
    ('[api]\ntoken = "short"', {}),
    ('[api]\ntoken = "long-enough-but-open-to-all"', {}),
    ("api = 3", {}),
    ("[api", {}),
    ("", {"DESK_API__PORT": ""}),
    ("", {"DESK_API__PORT": "true"}),
    ("", {"DESK_API__PROT": "1"}),
    ("", {"DESK_MODE": "pappper"}),
    ("", {"DESK_CLIENT_ID": "a b"}),
]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "desk.toml"


def write(file: Path, text: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(TOP + text)
    file.chmod(0o644)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("text", "variables"), USUAL)
def test_both_ways_of_reading_agree(
    file: Path, monkeypatch: pytest.MonkeyPatch, text: str, variables: dict[str, str]
) -> None:
    write(file, text, variables, monkeypatch)

    plain = read_plainly(file)

    assert plain is not None
    assert plain == read_whole(file) == read_client_settings(None)


@pytest.mark.parametrize(("text", "variables"), UNUSUAL)
def test_an_unusual_spelling_is_read_with_the_whole_settings(
    file: Path, monkeypatch: pytest.MonkeyPatch, text: str, variables: dict[str, str]
) -> None:
    write(file, text, variables, monkeypatch)

    assert read_plainly(file) is None
    assert read_client_settings(None) == read_whole(file)


@pytest.mark.parametrize(("text", "variables"), WRONG)
def test_what_the_whole_settings_refuse_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, text: str, variables: dict[str, str]
) -> None:
    write(file, text, variables, monkeypatch)

    with pytest.raises(PlainError) as refused:
        read_client_settings(None)

    assert refused.value.code == 2


def test_the_environment_alone_is_enough(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_MODE", "paper")
    monkeypatch.setenv("DESK_CLIENT_ID", "PAPER")

    assert not file.exists()
    assert read_plainly(None) == read_whole(None) == read_client_settings(None)


def test_a_mistake_elsewhere_keeps_no_command_from_the_desk(file: Path) -> None:
    file.write_text(f"{TOP}[risk]\norders_per_day_max = -1\n")

    assert read_client_settings(None).port == 8_711
    with pytest.raises(PlainError, match=r"risk\.orders_per_day_max"):
        read_whole(None)


def test_a_token_stands_in_no_text(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, "", {"DESK_API__TOKEN": "a-token-of-my-own-choice"}, monkeypatch)

    assert "own-choice" not in repr(read_client_settings(None))

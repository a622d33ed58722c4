"""The few settings by which a command finds the running desk, read without the library that checks them all.

What is written as usual is read here, by the same rule: the environment before the file, the file before the default.
Where anything is not, the whole settings are loaded instead: they know every spelling, and say what is wrong. What is
wrong elsewhere in them, such as in `[risk]`, keeps no `halt` from the desk that runs.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from console.endpoint import DEFAULT_FILE
from domain.texts import decoded

_DATA_DIR: Final = Path(".desk")
_TOKEN_FILE: Final = "api-token"  # noqa: S105  a name
_DEFAULTS: Final[Mapping[str, Any]] = {
    "host": "127.0.0.1",
    "port": 8_711,
    "token": "",
    "token_path": str(_DATA_DIR / _TOKEN_FILE),
    "answer_wait_s_max": 15.0,
}
"""As `ApiSettings` has them."""
_TOP: Final = frozenset({"mode", "client_id", "data_dir"})
_VARIABLES: Final[Mapping[str, tuple[str, str]]] = {
    **{f"DESK_{name.upper()}": ("", name) for name in _TOP},
    **{f"DESK_API__{name.upper()}": ("api", name) for name in _DEFAULTS},
}
_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "mode": re.compile(r"paper|live"),
    "client_id": re.compile(r"[A-Za-z0-9_.-]{1,40}"),
    "data_dir": re.compile(r"[^\0]+"),
    "host": re.compile(r"127\.0\.0\.1|::1"),
    "port": re.compile(r"0|[1-9][0-9]{0,3}|[1-5][0-9]{4}"),
    "token": re.compile(r"(\S{16,})?"),
    "token_path": re.compile(r"[^\0]+"),
    "answer_wait_s_max": re.compile(r"[1-9][0-9]{0,3}(\.[0-9]{1,3})?"),
}
"""How each is written as usual, in the file as in the environment."""
_NUMBERS: Final = frozenset({"port", "answer_wait_s_max"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Where the desk is, and what its client has to know. `port` 0: the desk has left its address in `data_dir`."""

    client_id: str
    data_dir: Path
    host: str
    port: int
    token: str = field(repr=False)
    token_path: Path
    answer_wait_s_max: float


def read_client_settings(config: Path | None) -> ClientSettings:
    """Return what a client needs of this file (default: desk.toml, if there is one) and the environment.

    Raises `PlainError` with all that is wrong, where the settings are not as usual and can't be used.
    """
    plain = read_plainly(config if config is not None or not DEFAULT_FILE.exists() else DEFAULT_FILE)
    return plain if plain is not None else read_whole(config)


def read_whole(config: Path | None) -> ClientSettings:
    """Return the same from the whole settings, checked."""
    from console.daemon.config import read_settings  # noqa: PLC0415  loads the library that checks them

    whole = read_settings(config)
    return ClientSettings(
        client_id=whole.client_id,
        data_dir=whole.data_dir,
        host=whole.api.host,
        port=whole.api.port,
        token=whole.api.token.get_secret_value(),
        token_path=whole.api.token_path,
        answer_wait_s_max=whole.api.answer_wait_s_max,
    )


def read_plainly(path: Path | None) -> ClientSettings | None:
    """Return what stands in this file and the environment; None where not all of it is written as usual."""
    given = _of_file(path)
    variables = _of_environment()
    if given is None or variables is None:
        return None
    given = {**given, **variables}
    if not {"mode", "client_id"} <= given.keys() or not all(_is_usual(name, value) for name, value in given.items()):
        return None
    found = {**_DEFAULTS, **given}
    data_dir, token_path = Path(found.get("data_dir", _DATA_DIR)), Path(found["token_path"])
    return ClientSettings(
        client_id=found["client_id"],
        data_dir=data_dir,
        host=found["host"],
        port=int(found["port"]),
        token=found["token"],
        token_path=data_dir / _TOKEN_FILE if token_path == _DATA_DIR / _TOKEN_FILE else token_path,
        answer_wait_s_max=float(found["answer_wait_s_max"]),
    )


def _of_file(path: Path | None) -> dict[str, Any] | None:
    """Return what the file says of a client's settings; None where it can't be read, or has a word that is unknown."""
    if path is None:
        return {}
    try:
        whole = tomllib.loads(decoded(path.read_bytes()))
        is_open = os.name == "posix" and path.stat().st_mode & 0o077
    except (OSError, ValueError):
        return None
    api = whole.get("api", {})
    words = {name for name, value in whole.items() if not isinstance(value, dict | list)} - {"exits_only"}
    if not isinstance(api, dict) or not words <= _TOP or not api.keys() <= _DEFAULTS.keys():
        return None
    return None if is_open and api.get("token") else {**{name: whole[name] for name in words}, **api}


def _of_environment() -> dict[str, str] | None:
    """Return what the environment says of them; None where one is spelled in another way that would count."""
    given = {}
    for name, value in os.environ.items():
        upper = name.upper()
        if name in _VARIABLES:
            given[_VARIABLES[name][1]] = value
        elif upper in _VARIABLES or upper.split("__")[0] == "DESK_API":
            return None
    return given


def _is_usual(name: str, value: object) -> bool:
    if isinstance(value, str):
        text = value
    elif name in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
    else:
        return False
    return _FORMS[name].fullmatch(text) is not None

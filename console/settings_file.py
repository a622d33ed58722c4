"""Reads the settings from `desk.toml` and the environment (`DESK_…`, sections joined by `__`), the environment winning.

A key that is no setting is refused by name; secrets come from the environment or a file of mode 0600 only.
"""

import os
import stat
import tomllib
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariableError

from domain.settings import Settings
from domain.settings.process import DATA_DIR
from domain.texts import decoded

SECRET_FIELDS: Final = frozenset(
    {
        "user_id",
        "password",
        "totp_secret",
        "vendor_code",
        "api_secret",
        "imei",
        "access_token",
        "token",
        "telegram_token",
        "urls",
    }
)
_SECRETS_IN_TOML: Final = (
    ("broker", "password"),
    ("broker", "totp_secret"),
    ("broker", "api_secret"),
    ("broker", "access_token"),
    ("api", "token"),
    ("alerts", "telegram_token"),
    ("alerts", "urls"),
)


class SettingsError(ValueError):
    """Settings that cannot be used; the sentence names the key and the mend."""


class _GivenSettings(Settings, BaseSettings):
    """The same models, filled from the environment and from what is handed in."""

    model_config = SettingsConfigDict(
        env_prefix="DESK_", env_nested_delimiter="__", nested_model_default_partial_update=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which comes in as the initial values."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load_settings(path: Path | None, **defaults: Any) -> Settings:  # noqa: ANN401  any section may be given
    """Read `path` (when given), then the environment; `defaults` fill what neither says.

    Raises `SettingsError` naming the file and all that is wrong.
    """
    _refuse_unknown_variables()
    given = {**defaults, **_read_file(path)} if path is not None else dict(defaults)
    try:
        return _gathered(Settings(**dict(_GivenSettings(**given))))
    except ValidationError as error:
        said = "; ".join(map(_sentence, error.errors()))
        in_file = path is not None and not all(_variable_of(one) for one in error.errors())
        raise SettingsError(f"{path}: {said}" if in_file else said) from None
    except UnreadableVariableError as error:
        raise SettingsError(_sentence_of_variables(str(error))) from None


def _refuse_unknown_variables() -> None:
    """Refuse a variable whose section is misspelled: it would be passed over in silence."""
    for name in os.environ:
        if name.upper().startswith("DESK_") and name.upper() != "DESK_CONFIG":
            section = name[len("DESK_") :].split("__", 1)[0].lower()
            if section not in Settings.model_fields:
                raise SettingsError(f"the environment's {name} is not a setting; check its spelling")


def _gathered(settings: Settings) -> Settings:
    """Let the database and the token follow `data_dir`, unless they were placed elsewhere; name the broker's user."""
    storage, api, broker = settings.storage, settings.api, settings.broker
    if not broker.user_id:
        broker = broker.model_copy(update={"user_id": settings.client_id})
    if storage.path == DATA_DIR / "desk.db":
        storage = storage.model_copy(update={"path": settings.data_dir / "desk.db"})
    if api.token_path == DATA_DIR / "api-token":
        api = api.model_copy(update={"token_path": settings.data_dir / "api-token"})
    return settings.model_copy(update={"storage": storage, "api": api, "broker": broker})


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong with one setting, and where it was set if that is not the file."""
    where, kind, given = ".".join(str(part) for part in error["loc"]), error["type"], error["input"]
    variable = _variable_of(error)
    from_outside = f" (from the environment's {variable})" if variable else ""
    if kind == "missing":
        return f"{where} is missing: set it in desk.toml or as DESK_{where.upper().replace('.', '__')}"
    if kind == "extra_forbidden":
        return f"{where} is not a setting; check its spelling{from_outside}"
    leaf = where.rsplit(".", 1)[-1]
    shown = "" if leaf in SECRET_FIELDS or isinstance(given, dict | BaseModel) else f", not {given!r}"
    message = f"{error['msg'].removeprefix('Value error, ')}{shown}{from_outside}"
    return f"{where}: {message}" if where else message


def _variable_of(error: ErrorDetails) -> str:
    """Return the environment's variable that the setting came from; an empty text where it was the file."""
    variable = f"DESK_{'__'.join(str(part) for part in error['loc']).upper()}"
    return next((name for name in os.environ if name.upper() == variable), "")


def _sentence_of_variables(message: str) -> str:
    """Say which variables of the environment hold no JSON though their setting is a list or a table."""
    section = message.partition('"')[2].partition('"')[0]
    suspects = sorted(name for name in os.environ if name.upper().startswith(f"DESK_{section.upper()}"))
    return (
        f"the environment's {' or '.join(suspects)} cannot be read: a list or a table is written as JSON there, "
        """such as DESK_ALERTS__URLS='["mailto://…"]'"""
    )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(decoded(path.read_bytes()))
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist; `init` writes one, or name another with --config") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    private = not stat.S_IMODE(path.stat().st_mode) & 0o077
    for section, key in _SECRETS_IN_TOML:
        table = given.get(section)
        if isinstance(table, dict) and table.get(key) and not private and os.name == "posix":
            raise SettingsError(
                f"{path} holds {section}.{key} but others may read it: set DESK_{section.upper()}__{key.upper()} "
                f"instead, or `chmod 600 {path}`"
            )
    return given

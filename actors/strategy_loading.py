"""A strategy's class, found by the path that the settings name."""

import importlib

from actors.errors import DeskStartError
from actors.strategy import StrategyActor
from domain.settings import StrategySettings


def load_strategy(chosen: StrategySettings) -> type[StrategyActor]:
    """Import a strategy's class by its path; raises `DeskStartError` naming what is wrong with it."""
    module_name, _, class_name = chosen.class_path.replace(":", ".").rpartition(".")
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise DeskStartError(f"strategy {chosen.name!r}: class {chosen.class_path!r} not found ({error})") from error
    except Exception as error:  # whatever a strategy's own file does while it is loaded
        said = f"{type(error).__name__}: {error}"
        raise DeskStartError(f"strategy {chosen.name!r}: {module_name} can't be loaded ({said})") from error
    if not (isinstance(kind, type) and issubclass(kind, StrategyActor)):
        raise DeskStartError(f"strategy {chosen.name!r}: {chosen.class_path!r} is not a StrategyActor")
    return kind

"""The unmodified NorenRestApiPy, loaded so that its module-level state is one adapter's own (client traps)."""

import importlib.util
import json
from types import ModuleType
from typing import Any

from broker.http.transport import HttpTransport
from broker.noren.json_array import is_array, loads


class _Silence:
    """Stands in for the library's `logger`, whose DEBUG lines hold passwords and tokens."""

    def debug(self, *_: object) -> None: ...

    info = warning = error = debug


class _Json:
    """Stands in for the library's `json`, which would hold every row of a book at once: arrays are left to the desk."""

    dumps = staticmethod(json.dumps)

    @staticmethod
    def loads(text: str) -> Any:  # noqa: ANN401  whatever the broker said
        return None if is_array(text) else loads(text)


def load_library(transport: HttpTransport) -> ModuleType:
    """Return a copy of the library's module for one adapter: its host is class-level state, one per module.

    The copy posts through `transport`, reads no book, prints nothing (the library prints URLs and whole replies) and
    logs nothing.
    """
    found = importlib.util.find_spec("NorenRestApiPy.NorenApi")
    assert found is not None
    assert found.origin is not None
    spec = importlib.util.spec_from_file_location("broker._noren_library", found.origin)
    assert spec is not None
    assert spec.loader is not None
    library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)
    vars(library).update(requests=transport, json=_Json, logger=_Silence(), print=_Silence().debug)
    return library

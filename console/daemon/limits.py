"""What the operating system allows this process, made as much as it may be."""

import sys
from contextlib import suppress
from typing import Final

DESCRIPTORS: Final = 4_096
"""A thousand is the usual soft limit, and a few hundred connections and files are ours at most."""


def raise_descriptor_limit() -> None:
    """Raise the soft limit of open files to `DESCRIPTORS`, as far as the hard one allows."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

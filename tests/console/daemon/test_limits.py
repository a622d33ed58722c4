"""How many files this process may have open (FINDINGS B2)."""

import resource
import subprocess
import sys

from console.daemon.limits import DESCRIPTORS

RAISE = (
    "import resource; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1];"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard));"
    "from console.daemon.limits import raise_descriptor_limit; raise_descriptor_limit();"
    "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
)


def test_the_soft_limit_is_raised_as_far_as_the_hard_one_allows() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    told = subprocess.run([sys.executable, "-c", RAISE], check=True, capture_output=True, text=True).stdout

    assert int(told) == (DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard))

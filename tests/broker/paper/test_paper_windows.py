"""The paper broker where the machine is not a Unix: what its loops and sockets lack is taken away here."""

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest
import requests

from broker.paper.api import deliveries
from console.daemon import paper as console_paper
from tests.broker.paper.harness import WAIT_S

_AS_ON_WINDOWS: Final = """
import asyncio, sys

def no_signals(self, *given):
    raise NotImplementedError

asyncio.SelectorEventLoop.add_signal_handler = no_signals
asyncio.SelectorEventLoop.remove_signal_handler = no_signals

from broker.paper.__main__ import main

sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("ends_by", [signal.SIGTERM, signal.SIGINT])
def test_it_listens_and_ends_in_order_where_a_loop_hears_no_signals(tmp_path: Path, ends_by: signal.Signals) -> None:
    command = [sys.executable, "-c", _AS_ON_WINDOWS, "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line, process.communicate(timeout=WAIT_S)[1]
            healthy = requests.get(f"{json.loads(line)['admin_url']}/health", timeout=WAIT_S).ok
            process.send_signal(ends_by)
            _, errors = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()

    assert healthy
    assert (process.returncode, errors) == (0, "")


def test_a_connection_is_reset_in_the_words_of_either_system() -> None:
    assert struct.unpack("ii", deliveries.no_linger("posix")) == (1, 0)
    assert struct.unpack("hh", deliveries.no_linger("nt")) == (1, 0)


def test_in_the_foreground_a_ctrl_c_that_reaches_both_waits_for_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Child:
        """A child that hears the same Ctrl-C, and ends a moment later."""

        def __init__(self, *_: object, **__: object) -> None:
            self.waits = 0

        def wait(self) -> int:
            self.waits += 1
            if self.waits == 1:
                raise KeyboardInterrupt
            return 0

    windows = SimpleNamespace(name="nt", environ=os.environ, pathsep=os.pathsep)
    monkeypatch.setattr(console_paper, "os", windows)
    monkeypatch.setattr(subprocess, "Popen", Child)

    assert console_paper.run_paper("127.0.0.1", 0, tmp_path, None) == 0

"""`make soak`: a long day in compressed time, with faults, kills and restarts of both sides; the ledger judges.

First comes chaos: the desk and the broker are killed and started again while callers keep sending. Then a long stretch
without restarts, in which threads and open files must not grow, and memory only with the orders of the day, which the
books show until it ends. Then rest: nobody sends, the polls and the sessions' ends go on, and nothing may grow. At the
end nothing may be doubled, lost or unsettled.
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

from tests.scenarios.books import assert_journal_replays, breaks, journal_of, rows_of
from tests.scenarios.crowd import Crowd, misbehave
from tests.scenarios.paper import start_paper
from tests.scenarios.process import DeskProcess, write_config
from tests.scenarios.waiting import until

ENDS_WITHIN_S: Final = 60.0
PER_THOUSAND_MB_MAX: Final = 6.0
"""What a thousand orders of the day may cost: the desk's own rows, and reading a book that is longer by so many."""
ORDERS_TO_JUDGE_BY: Final = 1_000
REST_MB_MAX: Final = 4.0
"""How much a desk that is left alone may still take: what the allocator needs to resolve."""
SETTLED: Final = frozenset(
    {"WORKING", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "BLOCKED", "REFUSED", "NOT_PLACED"}
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the desk's process uses at one moment, and how many orders had been sent."""

    orders: float
    memory_mb: float
    threads: float
    files: float


@dataclass
class Soak:
    """Owns both processes and the callers."""

    folder: Path
    seed: int
    chance: random.Random = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    resting: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311  repeatable trouble, not a secret
        self.paper = start_paper(self.folder / "paper")
        self.config = write_config(
            self.folder / "desk", self.paper, read_timeout_s=0.5, window_s=2.0, grace_s=2.0, poll_s=0.5
        )
        self.database = self.config.parent / "desk.db"
        self.crowd = Crowd(self.seed, callers=6)
        self.desk = self._begin()
        misbehave(self.paper)

    def _begin(self) -> DeskProcess:
        self.counts["starts"] += 1
        desk = DeskProcess(self.config, self.counts["starts"], cold=True)
        desk.until_ready(30)
        self.crowd.url = desk.url
        return desk

    def run(self, orders: int) -> None:
        """Send so many orders: half of them in chaos, half of them in peace."""
        self.crowd.start()
        pause = threading.Event()
        while len(self.crowd.sent) < orders // 2:
            pause.wait(self.chance.uniform(0.5, 3.0))
            self._trouble()
            self._say()
        while len(self.crowd.sent) < orders:
            pause.wait(1.0)
            self._sample(self.samples)
            self._say()
        self.crowd.stop()

    def rest(self, seconds: float) -> None:
        """Leave the desk alone with its books, and end its session now and then."""
        self.paper.clear_faults()
        pause = threading.Event()
        ends_at = time.monotonic() + seconds
        while (left_s := ends_at - time.monotonic()) > 0:
            if len(self.resting) % 10 == 0:
                self.paper.fault("OrderBook", "session_expired")
            self._sample(self.resting)
            sys.stderr.write(f"\rleft alone for {left_s:3.0f} s more{'':60}")
            sys.stderr.flush()
            pause.wait(1.0)

    def _trouble(self) -> None:
        match self.chance.randrange(5):
            case 0:
                self._restart_desk(kill=True)
            case 1:
                self._restart_desk(kill=False)
            case 2:
                self.counts["broker killed"] += 1
                self.paper.process.kill()
                self.paper.stop()
                self.paper = start_paper(self.folder / "paper", port=self.paper.port)
                misbehave(self.paper)
            case 3:
                self.counts["session expired"] += 1
                self.paper.fault("OrderBook", "session_expired")
            case _:
                self.counts["phone order"] += 1
                self.paper.phone(self.chance.choice("BS"), self.chance.randint(1, 20), "1500.00")

    def _restart_desk(self, *, kill: bool) -> None:
        self.counts["desk killed" if kill else "desk stopped"] += 1
        self.crowd.url = None
        if kill:
            self.desk.kill()
        else:
            self.desk.terminate()
        self.desk = self._begin()

    def _sample(self, into: list[Sample]) -> None:
        process = Path(f"/proc/{self.desk.process.pid}")
        if not process.is_dir():
            return
        fields = dict(line.split(":", 1) for line in (process / "status").read_text(encoding="utf-8").splitlines())
        files = sum(1 for _ in (process / "fd").iterdir())
        memory_mb = int(fields["VmRSS"].split()[0]) / 1024
        into.append(Sample(len(self.crowd.sent), memory_mb, int(fields["Threads"]), files))

    def _say(self) -> None:
        sys.stderr.write(f"\r{len(self.crowd.sent):>7} orders sent, {dict(self.counts)}  ")
        sys.stderr.flush()

    def judge(self) -> list[str]:
        """End the trouble, wait until all is resolved, stop, and return what is wrong."""
        self.paper.clear_faults()
        until(lambda: not self._unsettled(), lambda: f"unsettled: {self._unsettled()[:5]}", ENDS_WITHIN_S)
        until(lambda: not self._apart(), lambda: "; ".join(self._apart()[:5]), ENDS_WITHIN_S)
        wrong = [] if self.desk.terminate() == 0 else ["the desk did not end in order"]
        assert_journal_replays(self.database)
        sent = Counter(one.remarks for one in self.paper.ledger().orders if (one.remarks or "").startswith("sd"))
        wrong += [f"{tag} is at the broker {times} times" for tag, times in sent.items() if times > 1]
        rows = rows_of(self.database)
        wrong += [f"{name} was answered and is lost" for name in self.crowd.answered if name not in rows]
        lines = (line for line in journal_of(self.database) if line.event == "CHANGE_REQUESTED")
        asked = Counter((line.command_id, line.inputs["change_id"]) for line in lines)
        wrong += [f"change {name} was sent {times} times" for name, times in asked.items() if times > 1]
        return wrong

    def _unsettled(self) -> list[str]:
        rows = rows_of(self.database).items()
        return [f"{name} {row['state']}" for name, row in rows if row["state"] not in SETTLED or row["change"]]

    def _apart(self) -> list[str]:
        ledger = self.paper.ledger()
        return breaks(self.database, ledger, frozenset(one.number for one in ledger.orders))

    def close(self) -> None:
        """Leave nothing running."""
        if not self.crowd.stopping.is_set():
            self.crowd.stop()
        self.desk.close()
        self.paper.stop()


def quarters_of(samples: list[Sample]) -> list[Sample]:
    """Return the middle of each quarter of the samples, field by field."""
    parts = [samples[len(samples) * part // 4 : len(samples) * (part + 1) // 4] for part in range(4)]
    return [
        Sample(*(statistics.median(getattr(one, name.name) for one in part) for name in fields(Sample)))
        for part in parts
        if part
    ]


def table(stretch: str, samples: list[Sample]) -> list[str]:
    """Return the table of what the desk used in each quarter of a stretch."""
    lines = [f"{stretch:10}{'orders':>10}{'memory MB':>12}{'threads':>10}{'files':>8}"]
    for number, one in enumerate(quarters_of(samples), start=1):
        lines.append(f"{number:<10}{one.orders:>10.0f}{one.memory_mb:>12.1f}{one.threads:>10.0f}{one.files:>8.0f}")
    return lines


def grown(busy: list[Sample], resting: list[Sample]) -> list[str]:
    """Return what grew and must not: threads, files, memory at rest, memory by more than the day's orders cost."""
    wrong = []
    busy, resting = quarters_of(busy), quarters_of(resting)
    for stretch in (busy, resting):
        if len(stretch) > 1:
            for name in ("threads", "files"):
                first, last = getattr(stretch[0], name), getattr(stretch[-1], name)
                if last > first + 2:
                    wrong.append(f"{name} grew from {first:.0f} to {last:.0f}")
    if len(busy) > 1 and busy[-1].orders - busy[0].orders >= ORDERS_TO_JUDGE_BY:
        more = busy[-1].memory_mb - busy[0].memory_mb
        per_thousand = more / (busy[-1].orders - busy[0].orders) * 1000
        if per_thousand > PER_THOUSAND_MB_MAX:
            wrong.append(f"memory grew by {per_thousand:.1f} MB for 1,000 orders")
    if len(resting) > 1 and (more := resting[-1].memory_mb - resting[0].memory_mb) > REST_MB_MAX:
        wrong.append(f"memory grew by {more:.1f} MB at rest")
    return wrong


def main() -> int:
    """Run the soak; return 1 when something was doubled, lost or left unsettled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rest", type=float, default=90.0, help="seconds that the desk is left alone at the end")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="desk-soak-") as folder:
        soak = Soak(Path(folder), given.seed)
        try:
            soak.run(given.orders)
            soak.rest(given.rest)
            wrong = [*soak.judge(), *grown(soak.samples, soak.resting)]
            rows = rows_of(soak.database)
            states = Counter(row["state"] for row in rows.values())
        finally:
            soak.close()
    out = sys.stdout.write
    out(f"\n\n{len(rows)} orders in {time.monotonic() - began:.0f} s, seed {given.seed}: {dict(soak.counts)}\n")
    out(f"{len(soak.crowd.changes)} cancels and modifies; {soak.crowd.sent_again} orders were sent again by callers\n")
    out(f"ends: {dict(states)}\n\n" + "\n".join(table("busy", soak.samples) + table("at rest", soak.resting)) + "\n\n")
    out("\n".join(wrong) + "\n" if wrong else "Nothing doubled, nothing lost, nothing unsettled, nothing that grows.\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

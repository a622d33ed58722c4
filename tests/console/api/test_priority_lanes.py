"""Who waits for whom in the API's threads."""

import threading
from collections.abc import Awaitable, Callable
from threading import Event, Thread

import anyio

from console.api.priority_lanes import PriorityLanes
from tests.scenarios.waiting import until
from tests.timing import patient


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Do it in a loop of its own, and see its threads end."""
    before = {one.ident for one in threading.enumerate()}
    anyio.run(work)
    until(lambda: {one.ident for one in threading.enumerate()} <= before, "a thread is left")


def test_a_list_stands_still_while_a_way_out_is_under_way_and_goes_on_after_it() -> None:
    lanes, under_way, may_end, ended = PriorityLanes(), Event(), Event(), Event()

    def way_out() -> None:
        under_way.set()
        may_end.wait(patient(5))

    async def get_out() -> None:
        await lanes.get_out(way_out)
        ended.set()

    lanes.let_out()
    sends = Thread(target=run, args=(get_out,))
    sends.start()
    until(under_way.is_set, "the way out did not begin")
    stood_still = not lanes._is_free.is_set()
    lanes.let_out()  # it takes its next step all the same
    may_end.set()
    sends.join(patient(5))

    assert stood_still
    assert ended.is_set()
    assert lanes._is_free.wait(0), "nothing is under way any more"


def test_two_long_lists_are_spelled_out_one_after_the_other() -> None:
    lanes, limit, now = PriorityLanes(), [0], [0]
    first_is_in, may_end = Event(), Event()

    def spell() -> None:
        now[0] += 1
        limit[0] = max(limit[0], now[0])
        first_is_in.set()
        may_end.wait(patient(5))
        now[0] -= 1

    async def ask_twice() -> None:
        async with anyio.create_task_group() as both:
            both.start_soon(lanes.list, spell)
            both.start_soon(lanes.list, spell)
            await anyio.to_thread.run_sync(first_is_in.wait)
            await anyio.sleep(0.05)
            may_end.set()

    run(ask_twice)

    assert limit == [1]

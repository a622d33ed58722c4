"""D4: an actor that is no watcher dies: the desk says which, ends, and the next start is right."""

import pytest

from domain.orders.lifecycle import State
from tests.scenarios.paper import Paper
from tests.scenarios.scene import Scene


@pytest.mark.parametrize(
    "actor", ["CommandActor", "RiskActor", "GuardActor", "RepoActor", "MarketActor", "BrokerActor"]
)
def test_the_death_of_any_actor_but_the_watcher_ends_the_desk_and_the_next_start_is_right(
    scene: Scene, paper: Paper, deaths: list[str], actor: str
) -> None:
    paper.fault("PlaceOrder", "timeout_after", after=1, seconds=1.0)
    filled, lost = (scene.command(name, strategy=f"{scene.name}-{name}") for name in ("filled", "lost"))
    scene.submit(filled)
    scene.submit(lost)

    scene.desk._wiring.refs[actor].tell("no message of ours")
    why = scene.desk.wait_for_failure(5.0)

    assert why is not None
    assert why.startswith(f"{actor} died")
    scene.stop(grace_s=0.2)
    scene.start()
    for command in (filled, lost):
        scene.until_state(command, State.FILLED)
        assert scene.times_sent(command) == 1
    scene.until_books_agree()
    assert len(deaths) == 1

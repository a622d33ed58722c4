from domain.blocker import Blocker, BlockerKind


def test_every_kind_has_words_of_its_own_for_those_who_may_see_no_more() -> None:
    labels = {kind.label for kind in BlockerKind}

    assert len(labels) == len(BlockerKind)


def test_the_words_for_a_person_begin_with_the_kind() -> None:
    assert str(Blocker.of(BlockerKind.NO_SESSION, "wrong password")) == "no session at the broker: wrong password"
    assert str(Blocker.of(BlockerKind.STOPPING)) == "the desk is stopping"

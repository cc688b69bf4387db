"""A tenant's embedding spaces: opened, switched to, closed; nothing twice, nothing half."""

from __future__ import annotations

from typing import Any

import pytest

from actors.documents import embedding_spaces as s
from events.knowledge import ChunkSettings, SpaceClosed, SpaceOpened, SpaceSwitched
from events.spaces import DEFAULT_SPACE

SMALL = "all-MiniLM-L6-v2.d256.l2.t256"
INT8 = "all-MiniLM-L6-v2.d384.l2.t256.int8"
OTHERS = [f"all-MiniLM-L6-v2.d{n}.l2.t256" for n in (64, 128, 192)]


def after(*commands: Any) -> s.Spaces:
    """The state after the commands, each a commit: versions 10, 20, and so on."""
    state = s.Spaces()
    for n, command in enumerate(commands, start=1):
        state = s.fold(state, 10 * n, s.decide(state, command))
    return state


def opened(space: str = SMALL) -> Any:
    return s.OpenSpace(tenant="shop", space=space, at=1)


def switched(space: str = SMALL, **more: Any) -> Any:
    return s.SwitchSpace(tenant="shop", space=space, at=2, **more)


def closed(space: str = SMALL) -> Any:
    return s.CloseSpace(tenant="shop", space=space, at=3)


def refused(state: s.Spaces, command: Any) -> str:
    with pytest.raises(s.SpaceRefused) as error:
        s.decide(state, command)
    assert str(error.value) == error.value.reason
    return error.value.code


def test_without_a_word_in_the_log_the_packaged_model_is_open_and_searched_in() -> None:
    state = s.Spaces()
    assert (state.active, state.open) == (DEFAULT_SPACE, (DEFAULT_SPACE,))
    assert state.settings == ChunkSettings()
    assert state.active_at(10**9) == DEFAULT_SPACE


def test_a_space_is_opened_once_and_not_searched_in_before_the_switch() -> None:
    facts = s.decide(s.Spaces(), opened())
    assert facts == (SpaceOpened(at=1, tenant="shop", space=SMALL),)
    state = after(opened())
    assert (state.active, state.open) == (DEFAULT_SPACE, (DEFAULT_SPACE, SMALL))
    assert s.decide(state, opened()) == ()
    assert s.decide(state, opened(DEFAULT_SPACE)) == ()


def test_one_event_switches_and_one_event_goes_back() -> None:
    measured = {"overlap_at_5": 0.9}
    (fact,) = s.decide(after(opened()), switched(recall=0.99, quality=measured, by="ada"))
    assert fact == SpaceSwitched(
        at=2,
        tenant="shop",
        space=SMALL,
        previous=DEFAULT_SPACE,
        recall=0.99,
        quality=measured,
        by="ada",
    )
    state = after(opened(), switched())
    assert state.active == SMALL
    assert s.decide(state, switched()) == (), "to be there already is no event"
    (back,) = s.decide(state, switched(DEFAULT_SPACE))
    assert isinstance(back, SpaceSwitched)
    assert (back.space, back.previous) == (DEFAULT_SPACE, SMALL)


def test_what_was_searched_in_as_of_a_version_is_known() -> None:
    state = after(opened(), switched(), switched(DEFAULT_SPACE))
    at = [state.active_at(version) for version in (0, 19, 20, 29, 30, 99)]
    assert at == [DEFAULT_SPACE] * 2 + [SMALL] * 2 + [DEFAULT_SPACE] * 2


def test_nobody_switches_to_a_space_that_is_not_open() -> None:
    assert refused(s.Spaces(), switched()) == "not_open"
    assert refused(after(opened(), closed()), switched()) == "not_open"


def test_the_space_that_is_searched_in_cannot_be_closed() -> None:
    assert refused(s.Spaces(), closed(DEFAULT_SPACE)) == "active"
    state = after(opened(), switched())
    assert refused(state, closed(SMALL)) == "active"
    assert s.decide(state, closed(DEFAULT_SPACE)) == (
        SpaceClosed(at=3, tenant="shop", space=DEFAULT_SPACE),
    )


def test_a_space_is_closed_once_and_may_be_opened_again() -> None:
    state = after(opened(), closed())
    assert state.open == (DEFAULT_SPACE,)
    assert s.decide(state, closed()) == ()
    assert s.fold(state, 90, s.decide(state, opened())).open == (DEFAULT_SPACE, SMALL)


def test_only_names_of_spaces_are_opened_and_not_more_than_four() -> None:
    assert refused(s.Spaces(), opened("minilm")) == "no_space"
    assert refused(after(*map(opened, OTHERS)), opened(INT8)) == "too_many"


def test_chunk_settings_hold_from_their_event_on_and_must_make_sense() -> None:
    wanted = ChunkSettings(max_tokens=128, overlap_tokens=16)
    set_so = s.SetChunking(tenant="shop", settings=wanted, at=4, by="ada")
    state = after(set_so)
    assert state.settings == wanted
    assert s.decide(state, set_so) == ()
    for tokens, overlap in ((31, 0), (257, 0), (100, 51), (100, -1)):
        settings = ChunkSettings(max_tokens=tokens, overlap_tokens=overlap)
        senseless = s.SetChunking(tenant="shop", settings=settings, at=4)
        assert refused(state, senseless) == "settings"

"""What a visitor may see, for every fact there is."""

from __future__ import annotations

import msgspec
import pytest

SECRET = "not-for-visitors"


def commit_of(*facts):
    from events.log.event_log import Commit
    from events.log.stream import conversation_stream

    return Commit(
        stream=conversation_stream("demo", "c"), version=7, number=2, commit_id="x",
        hash="h", previous_hash="g", facts=facts,
    )  # fmt: skip


def every_fact():
    """One of each fact, with a secret wherever one could leak."""
    from events import conversation as e

    source = e.Source(n=1, chunk="k", document=SECRET, title="T", quote="Q", score=0.123456)
    cost = e.TurnCost(model=SECRET, prompt_version=SECRET, latency_ms={SECRET: 1.0})
    return (
        e.ConversationStarted(at=1, tenant=SECRET, conversation="c", visitor=SECRET),
        e.MessageReceived(at=2, message="m1", text="hi", locale="en"),
        e.TurnBegun(at=3, turn=SECRET, epoch=1, answers=("m1",)),
        e.TurnResumed(at=4, turn=SECRET, attempt=2),
        e.TurnCancelled(at=5, turn=SECRET, reason="superseded"),
        e.AnswerRecorded(
            at=6, turn=SECRET, epoch=1, message="a1", text="yes", in_reply_to=("m1",),
            html="<p>yes</p>", kind="unknown", sources=(source,), confidence=0.123456,
            guard={SECRET: True}, cost=cost,
        ),
        e.TurnFailed(
            at=7, turn=SECRET, epoch=1, in_reply_to=("m1",), reason="timeout", detail=SECRET
        ),
        e.ConversationSummarized(at=8, text=SECRET, through=SECRET),
        e.HandoffRequested(
            at=9, epoch=1, reason=SECRET, evidence=SECRET, message=SECRET, score=0.123456
        ),
        e.ModeChanged(
            at=10, mode="human", epoch=2, reason=SECRET, operator="ann", operator_name="Ann",
            previous=SECRET,
        ),
        e.OperatorReplied(
            at=11, message="o1", operator="ann", epoch=2, text="t", html="h", operator_name="Ann"
        ),
        e.AnswerRated(at=12, score=5),
        e.NoticePosted(
            at=13, message="n1", notice="operator_joined", text="Ann is here.", locale="en",
            operator=SECRET, operator_name="Ann", place=3,
        ),
        e.NoteAdded(at=14, note=SECRET, operator=SECRET, text=SECRET, operator_name=SECRET),
        e.DraftProposed(
            at=15, draft=SECRET, turn=SECRET, epoch=3, text=SECRET, in_reply_to=("m1",),
            sources=(source,), confidence=0.123456, guard={SECRET: True}, cost=cost,
        ),
        e.DraftApproved(
            at=16, draft=SECRET, operator=SECRET, epoch=3, text=SECRET, operator_name=SECRET
        ),
        e.AnswerRecorded(
            at=17, turn=SECRET, epoch=3, message="a2", text="mended", in_reply_to=("m1",),
            draft=SECRET, approved_by=SECRET,
        ),
        e.DraftRejected(at=18, draft=SECRET, operator=SECRET, epoch=3, reason=SECRET),
        e.DraftVoided(at=19, draft=SECRET, reason="visitor_wrote"),
        e.ConversationResolved(at=20, operator=SECRET, operator_name=SECRET),
        e.ConversationReopened(at=21, operator=SECRET),
        e.TurnFailed(
            at=22, turn=SECRET, epoch=3, in_reply_to=("m1",), reason="timeout", detail=SECRET,
            supervised=True,
        ),
    )  # fmt: skip


def test_every_fact_is_shown_or_hidden_on_purpose():
    from events.conversation import ConversationFact
    from serve_apps.gateway.visitors.visible import visible

    facts = every_fact()
    assert {type(fact) for fact in facts} == set(ConversationFact.__args__)
    shown = [msgspec.to_builtins(frame) for frame in visible(commit_of(*facts))]
    assert [(frame["index"], frame["kind"]) for frame in shown] == [
        (1, "visitor_message"),
        (5, "assistant_message"),
        (6, "turn_failed"),
        (8, "mode"),
        (9, "mode"),
        (10, "operator_message"),
        (11, "rated"),
        (12, "notice"),
        (16, "assistant_message"),
        (19, "status"),
        (20, "status"),
    ]
    assert all(frame["version"] == 7 and frame["type"] == "event" for frame in shown)
    assert [frame["at"] for frame in shown] == [
        2, 6, 7, 9, 10, 11, 12, 13, 17, 20, 21,
    ]  # fmt: skip


def test_nothing_internal_leaks():
    from serve_apps.gateway.visitors.frames import CODECS
    from serve_apps.gateway.visitors.visible import visible

    for frame in visible(commit_of(*every_fact())):
        for codec in CODECS.values():
            sent = str(codec.encode(frame))
            assert SECRET not in sent
            assert "0.123456" not in sent
            assert "epoch" not in sent


def test_each_fact_alone_is_shown_the_same_as_among_others():
    from serve_apps.gateway.visitors.visible import visible

    alone = [msgspec.structs.replace(frame, index=index) for index, fact in enumerate(every_fact())
             for frame in visible(commit_of(fact))]  # fmt: skip
    assert alone == list(visible(commit_of(*every_fact())))


def test_the_visitor_is_told_who_joined_and_that_it_is_done():
    from serve_apps.gateway.visitors.visible import visible

    shown = {frame.at: msgspec.to_builtins(frame) for frame in visible(commit_of(*every_fact()))}
    assert shown[10]["operator_name"] == shown[11]["operator_name"] == "Ann"
    notice = {key: shown[13][key] for key in ("notice", "text", "operator_name", "place")}
    assert notice == {
        "notice": "operator_joined", "text": "Ann is here.", "operator_name": "Ann", "place": 3,
    }  # fmt: skip
    assert [shown[20]["status"], shown[21]["status"]] == ["resolved", "open"]


def live_frames():
    from events.live import frames

    return {
        "open turn": frames.Delta("t1", 0, "word"),
        "other turn": frames.Delta("t0", 0, "ghost"),
        "assistant": frames.Typing("assistant", True),
        "owner": frames.Typing("operator", True, "ann", "Ann"),
        "colleague": frames.Typing("operator", True, "bob", SECRET),
        "visitor": frames.Typing("visitor", True),
        "present": frames.Present(who="operator", on=True, operator=SECRET, operator_name=SECRET),
        "roll call": frames.RollCall(),
    }


@pytest.mark.parametrize(
    ("standing", "shown"),
    [
        ({"mode": "ai", "turn": "t1"}, {"open turn", "assistant"}),
        ({"mode": "ai"}, set()),
        ({"mode": "human", "operator": "ann"}, {"owner"}),
        ({"mode": "human", "operator": "ann", "turn": "t1"}, {"owner"}),
        ({"mode": "supervised", "operator": "ann", "turn": "t1"}, {"owner"}),
        ({"mode": "supervised", "turn": "t1"}, set()),
    ],
)
def test_of_live_frames_a_visitor_sees_the_open_turns_and_the_owners(standing, shown):
    from serve_apps.gateway.shared.live_frame_state import Standing
    from serve_apps.gateway.visitors.visible import passed

    passing = {
        name: frame
        for name, live in live_frames().items()
        if (frame := passed(live, Standing(**standing))) is not None
    }
    assert set(passing) == shown
    assert SECRET not in str(passing)


def test_a_models_markdown_is_rendered_and_its_script_is_not():
    from events import conversation as e
    from serve_apps.gateway.visitors.visible import visible

    answer = e.AnswerRecorded(
        at=1,
        turn="t",
        epoch=1,
        message="a",
        text="**Three** days. [1] <img src=x onerror=alert(1)>",
        in_reply_to=("m1",),
        cost=e.TurnCost(model="openai/some-model"),
    )
    [frame] = visible(commit_of(answer))
    html = msgspec.to_builtins(frame)["html"]
    assert "<strong>Three</strong> days. [1]" in html
    assert "<img" not in html
    quoted = msgspec.structs.replace(answer, cost=e.TurnCost(model="extractive"))
    [plain] = visible(commit_of(quoted))
    assert not msgspec.to_builtins(plain).get("html"), "quotes are shown as they stand"

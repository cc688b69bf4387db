"""What a visitor may see, for every fact there is."""

from __future__ import annotations

import msgspec

SECRET = "not-for-visitors"


def commit_of(*facts):
    from events.log import Commit
    from events.stream import conversation_stream

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
        e.ConversationStarted(at=1, tenant=SECRET, conversation="c"),
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
        e.HandoffRequested(at=9, epoch=1, reason=SECRET, evidence=SECRET),
        e.ModeChanged(at=10, mode="human", epoch=2, reason=SECRET, operator="ann"),
        e.OperatorReplied(at=11, message="o1", operator="ann", epoch=2, text="t", html="h"),
        e.AnswerRated(at=12, score=5),
    )  # fmt: skip


def test_every_fact_is_shown_or_hidden_on_purpose():
    from events.conversation import ConversationFact
    from serve_apps.gateway.visible import visible

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
    ]
    assert all(frame["version"] == 7 and frame["type"] == "event" for frame in shown)
    assert [frame["at"] for frame in shown] == [2, 6, 7, 9, 10, 11, 12]


def test_nothing_internal_leaks():
    from serve_apps.gateway.frames import CODECS
    from serve_apps.gateway.visible import visible

    for frame in visible(commit_of(*every_fact())):
        for codec in CODECS.values():
            sent = str(codec.encode(frame))
            assert SECRET not in sent
            assert "0.123456" not in sent
            assert "epoch" not in sent


def test_each_fact_alone_is_shown_the_same_as_among_others():
    from serve_apps.gateway.visible import visible

    alone = [msgspec.structs.replace(frame, index=index) for index, fact in enumerate(every_fact())
             for frame in visible(commit_of(fact))]  # fmt: skip
    assert alone == list(visible(commit_of(*every_fact())))


def test_a_models_markdown_is_rendered_and_its_script_is_not():
    from events import conversation as e
    from serve_apps.gateway.visible import visible

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

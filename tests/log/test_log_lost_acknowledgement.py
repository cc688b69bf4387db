"""An append whose answer is lost, late or doubled: stored once, and the caller knows.

The server is real; what happens to its answers is played at the connection, as the answers of a
replicated stream are (see `test_log_cluster.py` for a real one).
"""

from __future__ import annotations

import json

import pytest
from log_makers import append_many, message, new_commit
from nats.aio.msg import Msg

from events.jetstream.connection import ConnectionBroken, NoAnswer
from events.jetstream.log import JetStreamLog
from events.log.event_log import Head, LogUnavailable, VersionConflict


class Answers:
    """Stands between a log and its connection, for its next publishes."""

    def __init__(self, log: JetStreamLog, subject: str) -> None:
        self._real, self._subject = log.connection.request, subject
        self.plan: list[str | dict | Exception] = []
        self.published = 0
        log.connection.request = self.request

    async def request(self, subject, payload, **options):
        if subject != self._subject:
            return await self._real(subject, payload, **options)
        self.published += 1
        step = self.plan.pop(0) if self.plan else "pass"
        if step == "not sent":
            raise NoAnswer("the request was lost")
        if isinstance(step, dict) and "error" in step:
            return self._message(step)
        answer = await self._real(subject, payload, **options)
        if isinstance(step, Exception):
            raise step
        return self._message(step) if isinstance(step, dict) else answer

    def _message(self, answer: dict) -> Msg:
        return Msg(_client=None, subject="inbox", data=json.dumps(answer).encode())


@pytest.fixture
def answers(jetstream_log, stream) -> Answers:
    return Answers(jetstream_log, stream.subject)


def refusal(code: int) -> dict:
    return {"error": {"code": 400, "err_code": code, "description": "refused"}, "seq": 0}


@pytest.mark.parametrize("loss", [NoAnswer("late"), ConnectionBroken("cut")], ids=repr)
async def test_a_lost_acknowledgement_is_found_by_reading_back(
    jetstream_log, stream, answers, loss
):
    answers.plan = [loss]
    stored = await jetstream_log.append(stream, new_commit(1), expected=Head())
    assert answers.published == 1
    assert list(await jetstream_log.load(stream)) == [stored]


async def test_a_retry_that_the_server_answers_with_10071_is_a_success(
    jetstream_log, stream, answers
):
    new = new_commit(1)
    stored = await jetstream_log.append(stream, new, expected=Head())
    real_answer = await answers._real(
        stream.subject, b"x", headers={"Nats-Expected-Last-Subject-Sequence": "0"}, timeout=5
    )
    assert json.loads(real_answer.data)["error"]["err_code"] == 10071
    assert await jetstream_log.append(stream, new, expected=Head()) == stored
    assert list(await jetstream_log.load(stream)) == [stored]


async def test_a_retry_that_the_server_answers_with_duplicate_is_a_success(
    jetstream_log, stream, answers
):
    new = new_commit(1)
    stored = await jetstream_log.append(stream, new, expected=Head())
    answers.plan = [{"stream": "CONVERSATIONS", "seq": stored.version, "duplicate": True}]
    assert await jetstream_log.append(stream, new, expected=Head()) == stored
    assert list(await jetstream_log.load(stream)) == [stored]


async def test_a_duplicate_of_a_commit_that_is_not_the_last_is_a_conflict(
    jetstream_log, stream, answers
):
    first, second = await append_many(jetstream_log, stream, 2)
    for expected in (Head(), second.head):
        answers.plan = [{"stream": "CONVERSATIONS", "seq": first.version, "duplicate": True}]
        with pytest.raises(VersionConflict) as refused:
            await jetstream_log.append(stream, new_commit(1), expected=expected)
        assert refused.value.actual == second.version
    assert list(await jetstream_log.load(stream)) == [first, second]


@pytest.mark.parametrize("code", [10158, 10164], ids=["this id", "this subject"])
async def test_a_retry_beside_an_append_in_flight_waits_until_it_is_known(
    jetstream_log, stream, answers, code
):
    answers.plan = [refusal(code), refusal(code)]
    stored = await jetstream_log.append(stream, new_commit(1), expected=Head())
    assert answers.published == 3
    assert list(await jetstream_log.load(stream)) == [stored]


async def test_a_request_that_never_arrived_is_sent_again(jetstream_log, stream, answers):
    answers.plan = ["not sent", "not sent"]
    stored = await jetstream_log.append(stream, new_commit(1), expected=Head())
    assert answers.published == 3
    assert list(await jetstream_log.load(stream)) == [stored]


async def test_a_lost_refusal_is_still_a_conflict(jetstream_log, stream, answers):
    (first,) = await append_many(jetstream_log, stream, 1)
    answers.plan = [NoAnswer("late")]
    with pytest.raises(VersionConflict):
        await jetstream_log.append(stream, new_commit(9), expected=Head())
    assert list(await jetstream_log.load(stream)) == [first]


async def test_a_refusal_for_another_reason_says_which(jetstream_log, stream, answers):
    answers.plan = [refusal(10077)]
    with pytest.raises(LogUnavailable, match=r"refused \(10077\)"):
        await jetstream_log.append(stream, new_commit(1), expected=Head())


async def test_a_server_that_stays_silent_makes_the_log_unavailable(log_nats, stream):
    log = await JetStreamLog.connect(log_nats, timeout=0.3)
    await log.ensure_streams()
    Answers(log, stream.subject).plan = ["not sent"] * 100
    with pytest.raises(LogUnavailable, match="not acknowledged in time"):
        await log.append(stream, new_commit(1), expected=Head())
    await log.close()


async def test_a_commit_larger_than_the_server_takes_is_a_mistake_of_the_caller(
    jetstream_log, stream
):
    huge = new_commit(1, message(1, "x" * 1_100_000))
    with pytest.raises(ValueError, match="too large"):
        await jetstream_log.append(stream, huge, expected=Head())


async def test_no_server_at_all_is_said_within_the_time_out():
    with pytest.raises(LogUnavailable, match="no NATS server at nats://127") as refused:
        await JetStreamLog.connect("nats://user:secret@127.0.0.1:1", timeout=0.3)
    assert "secret" not in str(refused.value)

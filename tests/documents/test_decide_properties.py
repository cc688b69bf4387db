"""Whatever is handed over, worked at and taken away in whatever order: what answers is told by
three rules."""

from __future__ import annotations

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.documents import decide as d
from actors.documents.state import UNKNOWN, DocumentState, Work, evolve, fold
from events import knowledge as k

SPACES = ("a", "b")


def submission(text: int) -> k.DocumentSubmitted:
    return k.DocumentSubmitted(
        at=1,
        tenant="shop",
        document="help",
        title="",
        media_type="text/plain",
        content_hash=f"{text}",
        size=1,
        name="help",
    )


def results(step: d.Owed, at: int = 2) -> tuple[k.KnowledgeFact, ...]:
    """What a worker brings who does the step."""
    version = step.work.version
    match step:
        case d.Fetch():
            return (msgspec.structs.replace(submission(9), origin="fetched"),)
        case d.Parse() | d.Chunk():
            return (
                k.DocumentParsed(
                    at=at, version=version, parsed_hash="p", parser="x", blocks=1, characters=1
                ),
                k.DocumentChunked(
                    at=at, version=version, chunks_hash="c", chunks=1, settings=k.ChunkSettings()
                ),
            )
        case d.Embed(_, space):
            return (
                k.DocumentEmbedded(
                    at=at, version=version, chunks_hash="c", space=space, vectors_hash="v"
                ),
            )
        case d.Index():
            return (k.DocumentIndexed(at=at, version=version, chunks_hash="c", chunks=1),)


class Documents(RuleBasedStateMachine):
    """`kept` are steps that some worker saw as owed, and may bring its results for at any time
    from then on, more than once."""

    @initialize()
    def begin(self) -> None:
        self.facts: list[tuple[int, k.KnowledgeFact]] = []
        self.state, self.version = UNKNOWN, 0
        self.kept: list[d.Owed] = []

    def carry_out(self, command: d.DocumentCommand) -> tuple[k.KnowledgeFact, ...]:
        before = self.state
        try:
            facts = d.decide(self.state, command)
        except d.DocumentRefused:
            return ()
        if facts:
            self.version += 1
        for fact in facts:
            self.facts.append((self.version, fact))
            self.state = evolve(self.state, fact, self.version)
        self.check_step(before, facts)
        return facts

    def check_step(self, before: DocumentState, facts: tuple[k.KnowledgeFact, ...]) -> None:
        old, new = before.answers, self.state.answers
        if old is None or _same(old, new):
            return
        removed = any(isinstance(fact, k.DocumentRemoved) for fact in facts)
        assert (new is None) == removed, "what answers ends by a removal"
        assert new is None or new.version > old.version, "or by a newer one that was indexed"

    @rule(text=st.integers(0, 2))
    def submits(self, text: int) -> None:
        facts = self.carry_out(d.Submit(submission(text)))
        assert len(facts) <= 1
        assert self.carry_out(d.Submit(submission(text))) == (), "the same again changes nothing"

    @rule(since=st.none() | st.integers(0, 40))
    def requests(self, since: int | None) -> None:
        wanted = k.DocumentRequested(at=1, tenant="shop", document="help", url="https://x.example")
        self.carry_out(d.Request(wanted, since=since))
        assert self.carry_out(d.Request(wanted)) == () or since is not None

    @rule()
    def works_again(self) -> None:
        self.carry_out(d.Reingest(at=3))

    @rule()
    def removes(self) -> None:
        self.carry_out(d.Remove(at=3))
        assert self.carry_out(d.Remove(at=4)) == ()

    @rule(active=st.sampled_from(SPACES))
    def looks_what_is_owed(self, active: str) -> None:
        step = d.owed(self.state, active)
        if step is not None:
            assert step.work is self.state.open
            self.kept = [*self.kept, step][-6:]

    @rule()
    def looks_what_is_wanting(self) -> None:
        for step in d.wanting(self.state, SPACES):
            assert step.work is self.state.answers
            record = d.Record(version=step.work.version, facts=results(step))
            assert self.carry_out(record), "what answers takes vectors of another space"
        assert not d.wanting(self.state, SPACES)

    @precondition(lambda self: self.kept)
    @rule(data=st.data(), fails=st.booleans())
    def brings_results(self, data: st.DataObject, fails: bool) -> None:
        step = data.draw(st.sampled_from(self.kept))
        facts = results(step)
        if fails:
            failed = k.DocumentFailed(
                at=2, version=step.work.version, stage="parse", code="corrupt", reason="x"
            )
            facts = (failed,)
        record = d.Record(version=step.work.version, facts=facts)
        said = self.carry_out(record)
        if not isinstance(step, d.Embed):
            assert not said or step.work.version <= self.version
        assert self.carry_out(record) == (), "a stage done twice changes nothing"

    @rule()
    def goes_all_the_way(self) -> None:
        work = self.state.open
        for _ in range(10):
            step = d.owed(self.state, SPACES[0])
            if step is None:
                break
            assert self.carry_out(d.Record(version=step.work.version, facts=results(step)))
        assert d.owed(self.state, SPACES[0]) is None, "it comes to an end"
        assert work is None or self.state.answers is self.state.newest

    @invariant()
    def is_what_the_facts_say(self) -> None:
        if hasattr(self, "facts"):
            assert fold(self.facts) == self.state

    @invariant()
    def answers_only_what_was_indexed_and_not_removed(self) -> None:
        state = getattr(self, "state", UNKNOWN)
        answers = state.answers
        if answers is not None:
            assert answers.indexed is not None
            assert not (state.removed and answers)
            assert state.newest is not None
            assert answers.version <= state.newest.version


def _same(one: Work, other: Work | None) -> bool:
    return other is not None and one.version == other.version


Documents.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestDocuments = Documents.TestCase

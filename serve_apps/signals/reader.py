"""Reads a message's signals. Implements `actors.ports.SignalReader`.

A message of several sentences is read as a whole and sentence by sentence, and the surest reading
counts: "My lamp is late. Can I talk to someone?" A tenant's own phrases add to what the model
knows; a `never_phrase` that is nearer than any of them takes everything back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from actors.ports import Signals, SignalsFailed
from actors.speech.sentences import sentences
from events.tenancy import HandoffPolicy
from serve_apps.embedding.deployment import EmbeddingFailed
from serve_apps.signals import features
from serve_apps.signals.model import NAMES, Numbers, scores, weights
from serve_apps.signals.phrases import Piece, likeness, piece

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import Vectors

EMBED_TIMEOUT_S = 0.4
"""After it the message is read without the embedder: a wish for a person must not wait for it."""
PIECES = 6
"""Sentences, and clauses of long ones, that are read of one message: the first and the last."""
LONG = 8
"""Words. The clauses of a longer sentence are read too."""
PHRASES = 100
"""Of each kind that are looked at."""
LIKE = 0.5

_CLAUSE = re.compile(r"\s*[,;:]\s+|\s+-\s+")
_log = structlog.get_logger(__name__)


class MessageSignals:
    """`embed_query` gives a unit vector; the same one as the search's, so that its cache helps."""

    def __init__(
        self,
        embed_query: Callable[[str], Awaitable[Vectors]],
        *,
        embed_timeout_s: float = EMBED_TIMEOUT_S,
    ) -> None:
        """Raises FileNotFoundError when the model was never fitted."""
        self._embed, self._embed_timeout_s = embed_query, embed_timeout_s
        self._learned = weights()
        self._phrases: dict[str, Piece] = {}

    async def read(self, text: str, *, locale: str, policy: HandoffPolicy) -> Signals:
        """See SignalReader.read. Without the embedder the model reads letters and words alone;
        only a tenant with phrases of its own then gets SignalsFailed, where nothing else fires."""
        parts = pieces(text)
        try:
            async with asyncio.timeout(self._embed_timeout_s):
                return await self._seen(parts, policy)
        except (TimeoutError, EmbeddingFailed) as error:
            _log.warning("signals are read without the embedder", error=repr(error))
            found = self._named(
                [scores(None, features.read(p), self._learned.blind) for p in parts]
            )
            if _phrases_of(policy) and max(found.values()) < LIKE:
                raise SignalsFailed(f"phrases need the embedder: {error!r}"[:200]) from error
            return _signals(found)

    async def _seen(self, parts: Sequence[str], policy: HandoffPolicy) -> Signals:
        vectors = await asyncio.gather(*(self._embed(part) for part in parts))
        message = [piece(part, vector) for part, vector in zip(parts, vectors, strict=True)]
        found = self._named([scores(p.vector, p.places, self._learned.whole) for p in message])
        nearest: dict[str, str] = {}
        never, never_phrase = await self._likest(message, policy.never_phrases, request=False)
        own = max(never, LIKE)
        for name, phrases in (
            ("person", policy.person_phrases),
            ("authority", policy.authority_phrases),
        ):
            like, phrase = await self._likest(message, phrases, request=True)
            if phrase:
                nearest[name] = phrase
                found[name] = max(found[name], like)
                own = max(own, like)
        if never >= own and never_phrase:
            return Signals(nearest={"never": never_phrase})
        return _signals(found, nearest)

    def _named(self, read: Sequence[Numbers]) -> dict[str, float]:
        """The surest of the readings, by signal."""
        return {name: max(float(one[at]) for one in read) for at, name in enumerate(NAMES)}

    async def _likest(
        self, message: Sequence[Piece], phrases: Sequence[str], *, request: bool
    ) -> tuple[float, str]:
        """The phrase that a piece of the message is most like; 0 and none where none is like."""
        best = (LIKE, "")
        for phrase in phrases[:PHRASES]:
            known = await self._phrase(phrase)
            for part in message:
                like = likeness(part, known, self._learned.phrases, request=request)
                best = max(best, (like, phrase))
        return best if best[1] else (0.0, "")

    async def _phrase(self, text: str) -> Piece:
        if text not in self._phrases:
            if len(self._phrases) >= 10 * PHRASES:
                self._phrases.clear()  # policies change seldom; then all are read anew
            self._phrases[text] = piece(text, await self._embed(text))
        return self._phrases[text]


def _signals(found: dict[str, float], nearest: dict[str, str] | None = None) -> Signals:
    return Signals(
        person=found["person"],
        distress=found["distress"],
        authority=found["authority"],
        nearest=nearest or {},
    )


def pieces(text: str) -> list[str]:
    """The whole message first, then its sentences where it has several, and the clauses of long
    ones: a wish at the end of a story is lost in the whole."""
    parts = [part for part in sentences(text) if any(char.isalnum() for char in part)]
    found = list(parts) if len(parts) > 1 else []
    for part in parts:
        clauses = [clause for clause in _CLAUSE.split(part) if len(clause.split()) > 2]
        if len(part.split()) > LONG and len(clauses) > 1:
            found += clauses
    found = list(dict.fromkeys(found))
    if len(found) > PIECES:
        found = [*found[: PIECES // 2], *found[-PIECES // 2 :]]
    return [text, *found]


def _phrases_of(policy: HandoffPolicy) -> bool:
    return bool(policy.person_phrases or policy.authority_phrases)

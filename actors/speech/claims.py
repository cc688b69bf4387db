"""Does a passage bear a sentence out? Pure, lexical, and strict: a doubtful claim fails.

Method: word for word first; else every clause of the claim must find its content words in a
window of at most three neighbouring sentences of one passage, and its numbers (with what they
count), links, negation and words of extent (`only`, `free`, `after`) in the clause of the source
that is closest to it. Questions and instructions inside a source bear nothing out.
Thresholds are measured by `tests/generation/test_guard_measured.py`.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import pairwise

from actors.speech.instructions import reads_as_instruction
from actors.speech.sentences import (
    CITATION,
    content,
    coverage,
    fold,
    sentences,
    stem,
    words,
)
from actors.speech.wordlists import (
    NEGATORS,
    NUMBER_WORDS,
    OPERATORS,
    PRONOUN_NUMBERS,
    SIGNS,
    STOPWORDS,
)

CLAUSE_COVERAGE = 0.75
"""The least share of a clause's content words that the source's window must hold."""
CONTEXT_SHARE = 0.5
"""At least this share must stand in the sentences themselves, not in the title or question."""
WINDOW = 3
SHORT_CLAIM = 3
"""A claim of so few content words must hold more than half of its source clause's: else it has
made a rule of a special case."""
WHOLE_SHARE = 0.6
"""Words copied from the source stand by themselves when they are this much of its sentences; less
may have lost a condition, and is read like any other claim."""
CONDITIONS = frozenset({"if", "only", "except", "more", "less", "least", "most"})
"""A claim may not lose one of these that the closest clause of its source has."""

URL = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]\"'`]+|\b[\w.+-]+@[\w-]+\.[\w.]+", re.IGNORECASE)
_MARKS = re.compile(
    r"^\s*(?:#{1,6}\s+|>\s+|(?:[-*•+]|\d{1,2}[.)])\s+)|\*\*|__|(?<!\w)[*_`]|[*_`](?!\w)"
)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_TOKEN = re.compile(r"\d+(?:[.,:/]\d+)*|[%€$£]|[^\W\d_]+(?:'[^\W\d_]+)?")
_STRONG = re.compile(
    r"[;:()\u2014\u2013?!]|\.(?=\s)|,?\s+\b"
    r"(?:but|however|although|whereas|pero|sino|aunque|sin embargo)\b",
    re.IGNORECASE,
)
_WEAK = re.compile(r",\s+|\s+(?:and|y|e|or|while|mientras)\s+", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:yes|no|sure|of course|certainly|si|claro|por supuesto|desde luego)\s*[,.:!]\s+"
)


def bare(text: str) -> str:
    """`text` without citations, list marks, emphasis and link syntax; one space between words."""
    text = CITATION.sub(" ", text)
    text = _LINK.sub(lambda m: f"{m.group(1)} {m.group(2)}", text)
    return " ".join(_MARKS.sub("", text).split())


def urls(text: str) -> set[str]:
    """Links and email addresses in `text`, lower case, without the punctuation behind them."""
    return {match.rstrip(".,;:!?").lower().rstrip("/") for match in URL.findall(text)}


def canonical_number(text: str) -> str:
    """`1,000` and `1.000` are 1000, `2,5` is 2.5; times and dates stay as they stand."""
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", text):
        return re.sub(r"[.,]", "", text)
    return text.replace(",", ".") if re.fullmatch(r"\d+,\d+", text) else text


class Clause:
    """One clause, read: what it speaks of, its numbers with their units, whether it denies."""

    def __init__(self, text: str, language: str) -> None:
        self.text = text
        folded = fold(text)
        self.negated = any(word in NEGATORS for word in words(_LEAD.sub("", folded)))
        stop = STOPWORDS[language]
        self.stems: list[str] = []
        self.operators: set[str] = set()
        self.numbers: dict[str, set[str]] = {}
        self._read(_TOKEN.findall(URL.sub(" ", folded)), stop, language)

    def _read(self, tokens: list[str], stop: frozenset[str], language: str) -> None:
        waiting: list[str] = []
        sign = ""
        for raw in tokens:
            token = raw.replace("'", "")
            number = canonical_number(token) if _NUMBER.fullmatch(token) else None
            if number is None and token not in PRONOUN_NUMBERS:
                number = NUMBER_WORDS.get(token)
            if number is not None:
                self.numbers.setdefault(number, set())
                waiting.append(number)
                if sign:
                    self.numbers[number].add(sign)
                    waiting.clear()
                sign = ""
                continue
            operator = OPERATORS.get(token)
            if operator is not None:
                self.operators.add(operator)
            is_sign = operator in SIGNS
            if is_sign and not waiting:
                sign = str(operator)
            if token in stop or token in NEGATORS or (token in SIGNS and not waiting):
                continue
            unit = str(operator) if is_sign else stem(token, language)
            for each in waiting:
                self.numbers[each].add(unit)
            waiting.clear()
            if operator is None:
                self.stems.append(stem(token, language))


def clauses(text: str, language: str) -> list[Clause]:
    """The clauses of one sentence; `and` and commas part only what can stand by itself."""
    found: list[Clause] = []
    for strong in _STRONG.split(text):
        parts: list[str] = []
        for part in _WEAK.split(strong):
            whole = len(content(part, language)) >= 3
            if parts and not (whole and len(content(parts[-1], language)) >= 3):
                parts[-1] = f"{parts[-1]} {part}"
            else:
                parts.append(part)
        found += [Clause(part, language) for part in parts if part.strip()]
    return [c for c in found if c.stems or c.numbers or c.operators]


class Evidence:
    """What one passage can bear out.

    `text` is the passage, `title` its heading, `url` its address. A first line that ends in a
    question mark is a FAQ's question: it names the topic and asserts nothing.
    """

    def __init__(self, text: str, *, title: str = "", url: str = "") -> None:
        self.text, self.title = text, title
        parts = sentences(text)
        self.asserted = [
            part for part in parts if not part.endswith("?") and not reads_as_instruction(part)
        ]
        self._asked = " ".join(part for part in parts if part.endswith("?"))
        self.urls = urls("\n".join(self.asserted)) | ({url.lower().rstrip("/")} if url else set())
        self._clauses: dict[str, list[list[Clause]]] = {}

    @cached_property
    def folded(self) -> list[str]:
        return [_plain(_LEAD.sub("", fold(part))) for part in self.asserted]

    def context(self, language: str) -> set[str]:
        """Stems of the title and the FAQ's question; none when its answer begins with a no."""
        if self.asserted and words(self.asserted[0])[:1] == ["no"]:
            return set()
        return set(content(f"{self.title} {self._asked}", language))

    def vocabulary(self, language: str) -> set[str]:
        """Every content stem of the passage and its title."""
        return set(content(f"{self.title} {self.text}", language))

    def clauses(self, language: str) -> list[list[Clause]]:
        """Per asserted sentence its clauses."""
        if language not in self._clauses:
            self._clauses[language] = [
                clauses(_LEAD.sub("", fold(bare(part))), language) for part in self.asserted
            ]
        return self._clauses[language]

    def verbatim(self, claim: str) -> tuple[int, int] | None:
        """First and last asserted sentence that hold `claim` word for word, or None."""
        wanted = _plain(_LEAD.sub("", fold(claim)))
        if len(wanted.split()) < 2:
            return None
        for size in range(1, WINDOW + 1):
            for first in range(len(self.folded) - size + 1):
                whole = " ".join(self.folded[first : first + size])
                if f" {wanted} " in f" {whole} " and len(wanted) >= WHOLE_SHARE * len(whole):
                    return first, first + size - 1
        return None

    def quote(self, first: int, last: int) -> str:
        """The exact words of the passage from one asserted sentence to another."""
        start = self.text.find(self.asserted[first])
        end = self.text.find(self.asserted[last], start) + len(self.asserted[last])
        return self.text[start:end]


def _plain(text: str) -> str:
    return " ".join(words(bare(text)))


class Support:
    """How far one passage bears a claim out; `reason` says what is missing when it does not."""

    def __init__(self, score: float, *, quote: str = "", reason: str = "") -> None:
        self.score, self.quote, self.reason = score, quote, reason

    def __bool__(self) -> bool:
        return not self.reason


def support(claim: str, evidence: Evidence, language: str) -> Support:
    """Whether `evidence` bears `claim` (one sentence) out; `score` is 0 to 1."""
    text = bare(claim)
    if not urls(text) <= evidence.urls:
        return Support(0.0, reason="link_not_in_source")
    found = evidence.verbatim(text)
    if found is not None:
        if _cut_a_negation(text, evidence, found):
            return Support(0.0, reason="negation")
        return Support(1.0, quote=evidence.quote(*found))
    claimed = clauses(_LEAD.sub("", fold(text)), language)
    if not claimed:
        return Support(0.0, reason="nothing_to_check")
    if not _names(text, language) <= evidence.vocabulary(language):
        return Support(0.0, reason="not_in_source")
    best = Support(-1.0, reason="not_in_source")
    parts = evidence.clauses(language)
    context = evidence.context(language)
    for size in range(1, WINDOW + 1):
        for first in range(len(parts) - size + 1):
            here = _window_support(claimed, parts[first : first + size], context)
            if (bool(here), here.score) > (bool(best), best.score):
                quote = evidence.quote(first, first + size - 1) if here else ""
                best = Support(here.score, quote=quote, reason=here.reason)
    return Support(max(best.score, 0.0), quote=best.quote, reason=best.reason)


def _names(text: str, language: str) -> set[str]:
    """Stems of words with a capital letter inside the sentence: names must be in the source."""
    acronyms = re.findall(r"\b[A-Z]{2,}\b", text)
    inner = re.findall(r"(?<=[^\s.!?:\u00bf\u00a1] )[A-Z\u00c0-\u00dc][^\W_]+", text)
    return {
        stem
        for name in [*inner, *acronyms]
        for stem in content(name, language)
        if name.lower() != "i"
    }


def _cut_a_negation(claim: str, evidence: Evidence, found: tuple[int, int]) -> bool:
    """True when the words stand in the source, but what denies them was left out just before."""
    whole = " ".join(evidence.folded[found[0] : found[1] + 1])
    wanted = _plain(_LEAD.sub("", fold(claim)))
    before = f" {whole} ".split(f" {wanted} ", 1)[0].split()[-3:]
    return any(word in NEGATORS for word in before)


def _window_support(
    claimed: list[Clause], window: list[list[Clause]], context: set[str]
) -> Support:
    """Each clause of the claim needs one sentence of the window that bears it out alone: words
    gathered from several sentences can say what none of them does."""
    shares: list[float] = []
    extent = {o for clause in claimed for o in clause.operators}
    for clause in claimed:
        found = [_sentence_support(clause, sentence, context, extent) for sentence in window]
        best = max(found, key=lambda s: (bool(s), s.score))
        if not best:
            return best
        shares.append(best.score)
    return Support(sum(shares) / len(shares))


def _sentence_support(
    clause: Clause, sentence: list[Clause], context: set[str], extent: set[str]
) -> Support:
    given = {s for part in sentence for s in part.stems}
    known = given | context
    share = coverage(clause.stems, known)
    invented = any(one not in known and two not in known for one, two in pairwise(clause.stems))
    if share < CLAUSE_COVERAGE or coverage(clause.stems, given) < CONTEXT_SHARE or invented:
        return Support(share, reason="not_in_source")
    if not clause.operators <= {o for part in sentence for o in part.operators}:
        return Support(share, reason="extent")
    return Support(share, reason=_contradicts(clause, sentence, extent))


def _overlap(clause: Clause, other: Clause) -> int:
    return len(set(clause.stems) & set(other.stems))


def _contradicts(clause: Clause, window: list[Clause], extent: set[str]) -> str:
    """The clause against the source's closest ones: `number`, `negation`, `extent` or nothing."""
    for number, units in clause.numbers.items():
        holders = [c for c in window if number in c.numbers]
        if not any(_same_unit(units, c.numbers[number]) for c in holders):
            return "number"
        rivals = [
            c
            for c in window
            if number not in c.numbers and any(_same_unit(units, u) for u in c.numbers.values())
        ]
        closest = max(_overlap(clause, c) for c in holders)
        if any(_overlap(clause, c) > closest for c in rivals):
            return "number"
    near = max((_overlap(clause, c) for c in window), default=0)
    closest_clauses = [c for c in window if _overlap(clause, c) == near]
    if near and all(c.negated != clause.negated for c in closest_clauses):
        return "negation"
    if not clause.negated and _only_denied(clause, window):
        return "negation"
    if near and all(CONDITIONS & c.operators - extent for c in closest_clauses):
        return "extent"
    if len(clause.stems) + len(clause.numbers) <= SHORT_CLAIM and all(
        2 * near <= len(set(c.stems)) for c in closest_clauses
    ):
        return "extent"
    return ""


def _only_denied(clause: Clause, window: list[Clause]) -> bool:
    """True when something that the clause asserts stands in the source only where it is denied."""
    denied = {s for c in window if c.negated for s in c.stems}
    asserted = {s for c in window if not c.negated for s in c.stems}
    return bool(set(clause.stems) & (denied - asserted))


def _same_unit(wanted: set[str], given: set[str]) -> bool:
    return not wanted or not given or bool(wanted & given)

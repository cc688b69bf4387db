"""How often the guard is right, measured on labelled claims.

`labelled_claims.jsonl` was looked at while its thresholds were chosen; `held_out_claims.jsonl` was
not. What must never go out is weighed above what could have: see `docs/models.md` for figures.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.speech.claims import Evidence, support

HERE = Path(__file__).parent


def judged(name: str) -> list[tuple[bool, bool, str]]:
    """(labelled as supported, judged as supported, the claim) for each claim of a file."""
    rows = []
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        page = json.loads(line)
        evidence = Evidence(page["source"], title=page["title"])
        for label, claim, _ in page["claims"]:
            rows.append((bool(label), bool(support(claim, evidence, page["locale"])), claim))
    return rows


@pytest.mark.parametrize(
    ("name", "most_let_through", "least_passed"),
    [("labelled_claims.jsonl", 0, 0.9), ("held_out_claims.jsonl", 1, 0.8)],
)
def test_what_the_source_does_not_say_is_stopped_and_most_of_the_rest_passes(
    name, most_let_through, least_passed, record_property
):
    rows = judged(name)
    let_through = [claim for label, passed, claim in rows if passed and not label]
    supported = [passed for label, passed, _ in rows if label]
    record_property("let_through", len(let_through))
    record_property("passed", f"{sum(supported)}/{len(supported)}")
    assert len(let_through) <= most_let_through, let_through
    assert sum(supported) >= least_passed * len(supported)


def test_the_set_is_large_enough_and_in_both_languages():
    pages = [
        json.loads(line)
        for line in (HERE / "labelled_claims.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    per_language = dict.fromkeys(("en", "es"), 0)
    for page in pages:
        per_language[page["locale"]] += len(page["claims"])
    assert min(per_language.values()) >= 30
    assert sum(per_language.values()) >= 60

"""Makes the vectors that hold the browser's fold to the server's.

Run it as `python tests/web/make_vectors.py`; `... show NAME VERSION` prints State at a version.
Each vector is one conversation that the real decider wrote: its commits as the operator's wire
has them, what its visitor saw of each, and State after each: as a fingerprint at every version
and in full at some.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).parent / "vectors"
FULL_EVERY = 30

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from vector_texts import MODEL_MARKDOWN  # noqa: E402

from actors.conversation.decide import State, fold, initial  # noqa: E402 — the path comes first
from events.json_lines import commit_lines, state_line  # noqa: E402
from events.log.event_log import Commit  # noqa: E402
from serve_apps.gateway.operators.board.history import commit_frame  # noqa: E402
from serve_apps.gateway.shared.safe_html import from_markdown  # noqa: E402
from serve_apps.gateway.visitors.visible import visible  # noqa: E402


def whole(value: Any) -> Any:
    """Plain data with every field, also those that hold their default; a whole float is an int,
    for JavaScript does not tell them apart."""
    if isinstance(value, msgspec.Struct):
        fields = {name: whole(getattr(value, name)) for name in value.__struct_fields__}
        return list(fields.values()) if value.__struct_config__.array_like else fields
    if isinstance(value, dict):
        return {str(key): whole(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def fingerprint(state: State) -> str:
    text = json.dumps(whole(state), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def wire(commit: Commit) -> Any:
    """The commit as an operator's socket and `/commits` send it."""
    return msgspec.json.decode(msgspec.json.encode(commit_frame(commit)))


def steps_of(commits: list[Commit]) -> list[dict[str, Any]]:
    stream = commits[0].stream
    state = initial(stream.tenant, stream.id)
    steps: list[dict[str, Any]] = []
    for place, commit in enumerate(commits, start=1):
        state = fold(state, commit.version, commit.facts)
        step: dict[str, Any] = {"commit": wire(commit), "fingerprint": fingerprint(state)}
        step["visible"] = msgspec.json.decode(msgspec.json.encode(visible(commit)))
        if place % FULL_EVERY == 0 or place == len(commits):
            step["state"] = msgspec.json.decode(msgspec.json.encode(state))
        steps.append(step)
    return steps


def vector(name: str, about: str, commits: list[Commit]) -> str:
    """The file's text: one step a line, so that a change shows where it is."""
    stream = commits[0].stream
    head = {"name": name, "about": about, "tenant": stream.tenant, "conversation": stream.id}
    lines = [json.dumps(step, ensure_ascii=False) for step in steps_of(commits)]
    opening = json.dumps(head, ensure_ascii=False)[:-1]
    return opening + ', "steps": [\n' + ",\n".join(lines) + "\n]}\n"


def lines_of(commits: list[Commit]) -> str:
    """The same conversation as an export, JSON Lines, State last."""
    stream = commits[0].stream
    state = initial(stream.tenant, stream.id)
    lines: list[bytes] = []
    for commit in commits:
        state = fold(state, commit.version, commit.facts)
        lines += commit_lines(commit)
    return b"\n".join([*lines, state_line(state), b""]).decode()


def files() -> dict[str, str]:
    """All vectors, by the name of their file."""
    import vector_stories as stories

    made: dict[str, str] = {}
    for name, (about, tell) in stories.STORIES.items():
        made[f"{name}.json"] = vector(name, about, tell())
    made["markdown.jsonl"] = "".join(
        json.dumps({"text": text, "html": from_markdown(text)}, ensure_ascii=False) + "\n"
        for text in MODEL_MARKDOWN
    )
    made["two_handoffs.jsonl"] = lines_of(stories.STORIES["two_handoffs"][1]())
    return made


def show(name: str, version: int) -> str:
    import vector_stories as stories

    tell: Callable[[], list[Commit]] = stories.STORIES[name][1]
    commits = tell()
    state = initial(commits[0].stream.tenant, commits[0].stream.id)
    for commit in commits:
        if commit.version <= version:
            state = fold(state, commit.version, commit.facts)
    return json.dumps(whole(state), ensure_ascii=False, indent=1, sort_keys=True)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["show"]:
        print(show(arguments[1], int(arguments[2])))
        return
    FOLDER.mkdir(exist_ok=True)
    made = files()
    for old in FOLDER.iterdir():
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"{name}: {len(text.encode()) / 1024:.0f} KiB")


if __name__ == "__main__":
    main(sys.argv[1:])

"""A conversation as JSON Lines: one object a fact, as the command line and the API export it.

{"version": 41, "index": 0, "number": 7, "commit": "<id>", "hash": "...",
 "previous_hash": "...", "correlation": "m1", "causation": "m1",
 "fact": "MessageReceived.v1", "at": 1760000000000, <the fact's other fields>}
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from events.log.event_log import Commit


def commit_lines(commit: Commit) -> Iterator[bytes]:
    """A line for each fact of `commit`, without the line feed."""
    for index, fact in enumerate(commit.facts):
        line = {
            "version": commit.version,
            "index": index,
            "number": commit.number,
            "commit": commit.commit_id,
            "hash": commit.hash,
            "previous_hash": commit.previous_hash,
            "correlation": commit.correlation_id,
            "causation": commit.causation_id,
            **msgspec.to_builtins(fact),
        }
        yield msgspec.json.encode(line)


def state_line(state: msgspec.Struct) -> bytes:
    """The last line: State folded to the last of these commits."""
    return msgspec.json.encode({"state": state})

"""The chain of a stream's commits: each counts one on and names the hash of the one before.

The check is in the data itself, so it finds what a log lost or wrote twice, whatever the
server believes.
"""

from __future__ import annotations

from collections.abc import Iterable

from events.log.event_log import Commit, CorruptStream, Head

START = Head()
"""Where every stream begins."""


def check_chain(commits: Iterable[Commit], *, after: Head) -> None:
    """Raises CorruptStream where a commit does not follow the one before it.

    When `after` is a place known by its version only (`after.number` is 0 and
    `after.version` is not), the first commit is taken as it is.
    """
    before = None if after.version and not after.number else after
    for commit in commits:
        if before is not None:
            _check_link(before, commit)
        before = commit.head


def _check_link(before: Head, commit: Commit) -> None:
    place = f"{commit.stream.subject}: version {commit.version}"
    expected = before.number + 1
    if commit.number > expected:
        raise CorruptStream(
            f"{place} holds commit {commit.number} where commit {expected} was expected: a hole"
        )
    if commit.number < expected:
        raise CorruptStream(
            f"{place} holds commit {commit.number} where commit {expected} was expected: a fork"
        )
    if commit.previous_hash != before.hash:
        raise CorruptStream(
            f"{place}, commit {commit.number}, follows a commit with the hash "
            f"{commit.previous_hash or 'of nothing'!s}, but {before.hash or 'nothing'!s} was "
            f"expected, which stands at version {before.version}: a fork"
        )

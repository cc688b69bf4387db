"""Documents that others hand in are parsed in a process of their own: bounded in memory, in CPU
and in time, without the environment of this one, and gone afterwards whatever happens.

Small text files are parsed here: their parsers are linear and use no library.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress

import msgspec

from events.knowledge import FailureCode, MediaType
from events.objects.artifacts import BadArtifact, Parsed, decode_parsed
from projections.knowledge.parsing.errors import Unparsable
from projections.knowledge.parsing.reading import parse

_HERE_BYTES = 256 * 1024
"""A text file up to this size is parsed in this process, within milliseconds."""
_TEXTS = frozenset({"text/plain", "text/markdown", "text/csv"})
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]);"
    "from projections.knowledge.parsing.child import main; main()"
)
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # the same bytes give the same result
    "LC_ALL": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",  # a thread takes address space
    "MALLOC_ARENA_MAX": "1",
}
"""All that the child has: no key and no address of ours."""
_READ = 64 * 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one document may take."""

    document_bytes: int = 10 * 1024 * 1024
    memory_bytes: int = 1536 * 1024 * 1024
    """Address space of the child, the interpreter's own included (some 100 MB)."""
    cpu_s: int = 60
    wall_s: float = 60.0
    result_bytes: int = 64 * 1024 * 1024


class ParseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is told, in a line before the document."""

    media_type: MediaType
    name: str
    title: str
    url: str
    locale: str
    memory_bytes: int
    cpu_s: int


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What the child says when it raised Unparsable."""

    code: FailureCode
    reason: str
    where: str = ""


class _TooMuch(Exception):
    """The child says more than it may."""


async def parse_in_child(
    content: bytes,
    media_type: MediaType,
    *,
    name: str,
    title: str = "",
    url: str = "",
    locale: str = "",
    limits: Limits | None = None,
) -> Parsed:
    """`parse` in a process of its own, which is killed when this is cancelled.

    Raises Unparsable, with the codes of `parse` and `too_large`, `too_slow`, `too_much_memory`
    and `crashed`.
    """
    limits = limits or Limits()
    if len(content) > limits.document_bytes:
        size, most = len(content) / 2**20, limits.document_bytes / 2**20
        raise Unparsable(
            "too_large",
            f"{name}: {size:.1f} MB is too large, the limit is {most:g} MB."
            " Divide it, or take large pictures out.",
        )
    if media_type in _TEXTS and len(content) <= _HERE_BYTES:
        return await asyncio.to_thread(
            parse, content, media_type, name=name, title=title, url=url, locale=locale
        )
    errand = ParseRequest(
        media_type=media_type,
        name=name,
        title=title,
        url=url,
        locale=locale,
        memory_bytes=limits.memory_bytes,
        cpu_s=limits.cpu_s,
    )
    answer, status = await _run(msgspec.json.encode(errand) + b"\n" + content, limits, name)
    return _understood(answer, status, name)


async def _run(message: bytes, limits: Limits, name: str) -> tuple[bytes, int]:
    """What the child wrote and its exit status (a signal is negative)."""
    path = [entry for entry in sys.path if entry] or [os.getcwd()]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-s",
        "-P",
        "-c",
        _START,
        json.dumps(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env=_ENVIRONMENT,
    )
    try:
        async with asyncio.timeout(limits.wall_s):
            _, answer = await asyncio.gather(
                _feed(process, message), _drain(process, limits.result_bytes)
            )
            return answer, await process.wait()
    except TimeoutError:
        raise Unparsable("too_slow", _TOO_SLOW.format(name=name)) from None
    except _TooMuch:
        raise Unparsable(
            "too_large", f"{name}: there is more text in it than can be taken in. Divide it."
        ) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _feed(process: asyncio.subprocess.Process, message: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):  # its exit status tells
        process.stdin.write(message)
        await process.stdin.drain()
    process.stdin.close()


async def _drain(process: asyncio.subprocess.Process, most: int) -> bytes:
    assert process.stdout is not None
    answer = bytearray()
    while piece := await process.stdout.read(_READ):
        answer += piece
        if len(answer) > most:
            raise _TooMuch
    return bytes(answer)


def _understood(answer: bytes, status: int, name: str) -> Parsed:
    if status == 0 and answer[:1] == b"P":
        try:
            return decode_parsed(answer[1:])
        except BadArtifact:
            raise Unparsable("crashed", _CRASHED.format(name=name)) from None
    if status == 0 and answer[:1] == b"U":
        refusal = msgspec.json.decode(answer[1:], type=Refusal)
        raise Unparsable(refusal.code, refusal.reason, refusal.where)
    if status == -signal.SIGXCPU:
        raise Unparsable("too_slow", _TOO_SLOW.format(name=name))
    if answer[:1] == b"M" or status == -signal.SIGKILL:
        raise Unparsable("too_much_memory", _TOO_MUCH_MEMORY.format(name=name))
    raise Unparsable("crashed", _CRASHED.format(name=name))


_TOO_SLOW = (
    "{name}: reading it took longer than it may. Divide it, or save it again in the program that"
    " it comes from."
)
_TOO_MUCH_MEMORY = (
    "{name}: reading it needs more memory than it may have. Divide it, or take large pictures out."
)
_CRASHED = (
    "{name}: the reader of such files broke down on it, so it is damaged in an unusual way."
    " Save it again in the program that it comes from."
)

"""The process that reads one document: it bounds itself, parses, writes the result and ends.

Started by `sandbox`, which watches the time. On its standard output goes `P` and the parsed
document, `U` and the refusal, or `M` when memory ran out.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

import msgspec

from events.objects.artifacts import encode_parsed
from projections.knowledge.parsing.errors import Unparsable
from projections.knowledge.parsing.reading import parse
from projections.knowledge.parsing.sandbox import ParseRequest, Refusal

_GRACE_S = 5
"""After this much more CPU the kernel ends it without a word."""
_PR_SET_PDEATHSIG = 1
_NO_SUCH_THING_HERE = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.startfile",
    "pty.",
    "ftplib.",
    "urllib.",
    "webbrowser.",
)


def main() -> None:
    """Parse what comes on standard input, within the limits of its first line."""
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not be taken for the result
    sys.modules["numpy"] = None  # type: ignore[assignment] # openpyxl loads it and needs it not
    errand = msgspec.json.decode(sys.stdin.buffer.readline(), type=ParseRequest)
    _bound(errand)
    answer = _answer(errand)
    with open(out, "wb", closefd=False) as pipe:
        pipe.write(answer)
    os._exit(0)  # without tidying up, which takes time in a process that is full


def _answer(errand: ParseRequest) -> bytes:
    try:
        content = sys.stdin.buffer.read()
        parsed = parse(
            content,
            errand.media_type,
            name=errand.name,
            title=errand.title,
            url=errand.url,
            locale=errand.locale,
        )
        return b"P" + encode_parsed(parsed)
    except Unparsable as error:
        refusal = Refusal(code=error.code, reason=error.reason, where=error.where)
        return b"U" + msgspec.json.encode(refusal)
    except MemoryError:
        return b"M"


def _bound(errand: ParseRequest) -> None:
    """No more memory and CPU than it may have; no file is written, nobody is called, no process
    is started; and when the parent dies, so does it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _limit(resource.RLIMIT_AS, errand.memory_bytes)
    _limit(resource.RLIMIT_CPU, errand.cpu_s, errand.cpu_s + _GRACE_S)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    sys.addaudithook(_watch)


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    _, most = resource.getrlimit(what)
    wanted = soft if hard is None else hard
    hard = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(what, (min(soft, hard), hard))


def _watch(event: str, _: tuple[object, ...]) -> None:
    if event.startswith(_NO_SUCH_THING_HERE):
        raise PermissionError(f"a parser has no business with {event}")

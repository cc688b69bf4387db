"""What a client may do: sizes, rates, and text that can be kept.

Serve starts its own web server and leaves uvicorn's defaults (16 MiB a frame, no rate), so
every limit is enforced here, on what has arrived.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from serve_apps.gateway.visitors.frames import WelcomeLimits

_MESSAGE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_KEPT_CONTROLS = frozenset("\n\t")


class GatewayLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Every limit of the gateway. Times are seconds, sizes bytes unless a name says otherwise."""

    message_chars: int = 2000
    frame_bytes: int = 65_536
    unacknowledged: int = 8

    hello_timeout_s: float = 10
    idle_timeout_s: float = 1800
    """A socket that sends no frame for so long is closed. A dead peer goes sooner: the web
    server pings each 20 s and cuts a socket whose pong is 20 s late."""
    ask_timeout_s: float = 12
    close_grace_s: float = 5
    """How long a socket that is being closed may take to read what was left for it."""

    outbox_frames: int = 256
    slow_reader_s: float = 10
    """A client that lets its outbox stay full for so long is closed."""

    recheck_s: float = 20
    """A quiet conversation is compared with the log this often: a live commit may be missed."""
    recheck_owed_s: float = 4
    """The same while an answer is owed, or while the log could not be read."""

    frames_burst: int = 60
    frames_per_s: float = 20
    messages_burst: int = 20
    messages_per_s: float = 5
    address_messages: int = 120
    """Messages and new conversations of one key and address in `address_window_s`, by all its
    sockets and over HTTP."""
    address_window_s: int = 10
    strikes: int = 5
    """Bad frames until a socket is closed."""
    flood_strikes: int = 20
    """Frames refused as too many until a socket is closed."""

    heartbeat_s: float = 15
    """A quiet stream of server-sent events gets a comment this often."""
    stream_s: float = 900
    """A stream of server-sent events ends after so long; the client comes back by itself."""

    board_rows: int = 1000
    """Conversations that a tenant's board keeps; up to twice as many until it trims itself."""
    board_shown: int = 500
    """Conversations that a console is shown at first."""
    board_every_s: float = 0.1
    """A console is told of changes, and a waiting visitor of its place, this often at most."""
    board_resolved_s: float = 3600
    """A resolved conversation leaves the board after so long."""
    board_read_timeout_s: float = 5
    board_reread_s: float = 15
    """Postgres is read again this often, for what was missed and nobody noticed."""
    board_retry_s: float = 2
    """The same when it did not answer, or lately something was missed."""
    board_linger_s: float = 30
    """A board that nobody needs is kept for so long: somebody may come back."""

    upload_bytes: int = 51 * 1024 * 1024
    """Of one request that hands documents over: fifty megabytes of files, and what is around."""
    uploads_at_once: int = 4
    """Such requests that are read side by side; others wait."""
    upload_s: float = 120
    """Such a request that has not come whole by then loses its place."""
    document_streams: int = 4
    """Streams of what happens to documents that one operator may have open."""
    document_rows_s: float = 0.25
    """Those who watch are told of changed documents this often at most."""

    watched: int = 20
    """Conversations that one console may watch."""
    orders_in_flight: int = 8
    presence_s: float = 10
    """A console says this often that its operator is there."""
    roll_call_s: float = 30
    """Who looks at a watched conversation is asked again this often: a gateway may have died with
    the visitor's socket."""
    session_check_s: float = 2
    """This often a console's session is looked at again: it may have been ended elsewhere."""

    @property
    def told(self) -> WelcomeLimits:
        """What a client is told, so that it need not find out."""
        return WelcomeLimits(
            message_chars=self.message_chars,
            frame_bytes=self.frame_bytes,
            unacknowledged=self.unacknowledged,
        )


class Rejected(Exception):
    """A message that will not be taken: `code` is stable, `detail` is for a person."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


def clean_text(text: str) -> str:
    """`text` as it is kept: no control characters but line feed and tab, nothing around it.

    Postgres cannot hold NUL, and terminals and logs should not meet the others.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (
        char
        for char in text
        if char in _KEPT_CONTROLS or unicodedata.category(char) not in ("Cc", "Cs")
    )
    return "".join(kept).strip()


def checked_message(ident: str, text: str, limits: GatewayLimits) -> str:
    """The text to keep of a message. Raises Rejected with `message_id` or `message_length`."""
    if not _MESSAGE_ID.match(ident):
        raise Rejected("message_id", "id must be 1 to 64 of A-Z a-z 0-9 _ . : -")
    kept = clean_text(text)
    if not 1 <= len(kept) <= limits.message_chars:
        detail = f"a message has 1 to {limits.message_chars} characters, this one {len(kept)}"
        raise Rejected("message_length", detail)
    return kept


class TokenBucket:
    """`burst` at once and `per_s` after that. The clock (seconds, monotonic) comes in."""

    def __init__(self, burst: int, per_s: float, now: float) -> None:
        self._burst, self._per_s = float(burst), per_s
        self._left, self._at = float(burst), now

    def take(self, now: float) -> bool:
        """True when there was one left to take."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class UseLimit:
    """How often something may be used over all sockets and requests of this process: `amount`
    times in `window_s`, for each owner (a key, a tenant) and user (an address, a conversation).
    """

    def __init__(self, amount: int, window_s: int) -> None:
        self._item: RateLimitItem = RateLimitItemPerSecond(amount, window_s)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def take(self, owner: str, user: str) -> bool:
        """True when one more is allowed. An empty `user` is not known, so not limited."""
        return not user or self._limiter.hit(self._item, owner, user)

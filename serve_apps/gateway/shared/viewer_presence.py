"""Who looks at a conversation, told by live frames: one socket's part in it."""

from __future__ import annotations

import msgspec

from events.live.frames import LiveFrame, Present, RollCall
from events.log.stream import StreamName
from serve_apps.gateway.hub import Hub


class ViewerPresence:
    """One socket that looks at a conversation: it says so, answers a roll call, and says when it
    goes. Nothing is waited for: these frames may be lost."""

    def __init__(self, hub: Hub, stream: StreamName, me: Present) -> None:
        """`me` is how it shows itself; its `version` is what it has shown already."""
        self._hub, self._stream, self._me = hub, stream, me
        self._here = False

    def came(self) -> None:
        self._here = True
        self._say(self._me)

    def call_the_roll(self) -> None:
        """Whoever else looks on will say so."""
        self._hub.start(self._hub.ports.live.publish(self._stream, RollCall()), "roll-call")

    def note_seen(self, version: int) -> None:
        """All up to `version` was shown."""
        if version > self._me.version:
            self._me = msgspec.structs.replace(self._me, version=version)
            self._say(self._me)

    def heard(self, frame: LiveFrame) -> None:
        """Answer who asks, and contradict another socket of the same person that went away."""
        match frame:
            case RollCall():
                self._say(self._me)
            case Present(on=False) if (frame.who, frame.operator) == (
                self._me.who,
                self._me.operator,
            ):
                self._say(self._me)
            case _:
                pass

    def left(self) -> None:
        if self._here:
            self._here = False
            self._say(msgspec.structs.replace(self._me, on=False))

    def _say(self, present: Present) -> None:
        if self._here or not present.on:
            self._hub.start(self._hub.ports.live.publish(self._stream, present), "presence")

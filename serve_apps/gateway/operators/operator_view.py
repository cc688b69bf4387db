"""What an operator is shown of a watched conversation: all of its facts, and what is live."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from events.live.frames import Delta, LiveFrame, Present, Typing
from events.log.event_log import Commit
from serve_apps.gateway.operators.board.history import commit_frame
from serve_apps.gateway.operators.frames import (
    OperatorDelta,
    OperatorView,
    PresentShown,
    ServerFrame,
    TypingShown,
)
from serve_apps.gateway.shared.feed import Place
from serve_apps.gateway.shared.live_frame_state import Standing


class WatchView:
    """A `feed.View`: what `me` is shown of `conversation`."""

    def __init__(
        self, conversation: str, me: OperatorView, heard: Callable[[LiveFrame], None]
    ) -> None:
        """`heard` is told of every live frame, shown or not."""
        self._conversation, self._me, self._heard = conversation, me, heard

    def of_commit(self, commit: Commit, seen: Place) -> Iterable[ServerFrame]:
        return (commit_frame(commit),) if commit.version > seen.version else ()

    def of_live(self, frame: LiveFrame, standing: Standing) -> Iterable[ServerFrame]:
        self._heard(frame)
        shown = self._shown(frame, standing)
        return () if shown is None else (shown,)

    def _shown(self, frame: LiveFrame, standing: Standing) -> ServerFrame | None:
        """The AI is seen at work while its turn is open; what one does oneself is no news."""
        match frame:
            case Delta() if frame.turn == standing.turn:
                return OperatorDelta(
                    conversation=self._conversation,
                    turn=frame.turn,
                    index=frame.index,
                    text=frame.text,
                )
            case Typing() if frame.operator != self._me.operator and (
                frame.who != "assistant" or standing.turn or not frame.on
            ):
                return TypingShown(
                    conversation=self._conversation,
                    who=frame.who,
                    on=frame.on,
                    operator_name=frame.operator_name,
                )
            case Present() if frame.operator != self._me.operator:
                return PresentShown(
                    conversation=self._conversation,
                    who=frame.who,
                    on=frame.on,
                    version=frame.version,
                    operator=frame.operator,
                    operator_name=frame.operator_name,
                )
            case _:
                return None

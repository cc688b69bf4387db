"""How commands travel to a shard and outcomes back: MessagePack, many in one call.

The codecs live here, not in the actor's module: Ray pickles an actor class with all the
module-level names that its methods use, and a msgspec codec cannot be pickled.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.conversation.commands import ConversationCommand, Outcome


class Asked(msgspec.Struct, frozen=True, array_like=True):
    tenant: str
    conversation: str
    command: ConversationCommand


_encoder = msgspec.msgpack.Encoder()
_batch = msgspec.msgpack.Decoder(list[Asked])
_replies = msgspec.msgpack.Decoder(list[Outcome])


def encode_batch(batch: Sequence[Asked]) -> bytes:
    return _encoder.encode(batch)


def decode_batch(payload: bytes) -> list[Asked]:
    return _batch.decode(payload)


def encode_replies(replies: Sequence[Outcome]) -> bytes:
    return _encoder.encode(replies)


def decode_replies(payload: bytes) -> list[Outcome]:
    return _replies.decode(payload)

"""How the frames of a protocol stand on the wire: JSON in text frames, MessagePack in binary ones.

A protocol's frames are one closed union of structs, told apart by their field `type`. The
visitors' protocol and the operators' have a union each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

Frame = TypeVar("Frame")
Frame_co = TypeVar("Frame_co", covariant=True)


class BadFrame(Exception):
    """A frame that cannot be read: `code` is stable, `detail` says what was wrong with it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


class Codec(Protocol[Frame_co]):
    """How frames of one subprotocol stand on the wire."""

    @property
    def subprotocol(self) -> str: ...

    def decode(self, data: str | bytes) -> Frame_co:
        """Raises BadFrame."""
        ...

    def encode(self, frame: msgspec.Struct) -> str | bytes:
        """Text for a text frame, bytes for a binary one."""
        ...


class JsonCodec(Generic[Frame]):
    """Text frames of JSON."""

    def __init__(self, subprotocol: str, union: Any) -> None:
        """`union` holds the structs of all frames that may come in."""
        self.subprotocol = subprotocol
        self._known = _known_types(union)
        self._decoder: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(union)
        self._encoder = msgspec.json.Encoder()

    def decode(self, data: str | bytes) -> Frame:
        if not isinstance(data, str):
            raise BadFrame("bad_frame", f"{self.subprotocol} takes text frames, got a binary one")
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError as error:
            raise _bad_frame(_untyped(msgspec.json.decode, data), error, self._known) from None
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadFrame("bad_json", f"not JSON: {error}") from None

    def encode(self, frame: msgspec.Struct) -> str | bytes:
        return self._encoder.encode(frame).decode()


class MsgpackCodec(Generic[Frame]):
    """Binary frames of MessagePack, with the same field names as JSON."""

    def __init__(self, subprotocol: str, union: Any) -> None:
        """`union` holds the structs of all frames that may come in."""
        self.subprotocol = subprotocol
        self._known = _known_types(union)
        self._decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(union)
        self._encoder = msgspec.msgpack.Encoder()

    def decode(self, data: str | bytes) -> Frame:
        if not isinstance(data, bytes):
            raise BadFrame("bad_frame", f"{self.subprotocol} takes binary frames, got a text one")
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError as error:
            raise _bad_frame(_untyped(msgspec.msgpack.decode, data), error, self._known) from None
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadFrame("bad_msgpack", f"not MessagePack: {error}") from None

    def encode(self, frame: msgspec.Struct) -> str | bytes:
        return self._encoder.encode(frame)


def _known_types(union: Any) -> tuple[str, ...]:
    structs: tuple[type[msgspec.Struct], ...] = union.__args__
    return tuple(sorted(str(struct.__struct_config__.tag) for struct in structs))


def _bad_frame(raw: Any, error: Exception, known: tuple[str, ...]) -> BadFrame:
    """The code for a frame that was readable, but is none of ours."""
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        return BadFrame("bad_frame", "a frame is an object with a string `type`")
    if raw["type"] not in known:
        listed = ", ".join(known)
        return BadFrame("unknown_type", f"unknown type {raw['type'][:40]!r}; known are {listed}")
    return BadFrame("bad_field", f"{raw['type']}: {error}")


def _untyped(decode: Callable[[Any], Any], data: str | bytes) -> Any:
    """What `data` holds, or None where it holds what Python cannot: deep nests, odd keys."""
    try:
        return decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError, ValueError):
        return None

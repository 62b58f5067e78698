"""Records as bytes, in the layouts of Squirrel and without pickle: MessagePack and JSON Lines."""

from __future__ import annotations

from headrace.compat.squirrel.serialization.jsonl import JsonSerializer
from headrace.compat.squirrel.serialization.msgpack import MessagepackSerializer
from headrace.compat.squirrel.serialization.serializer import SquirrelSerializer

__all__ = ["JsonSerializer", "MessagepackSerializer", "SquirrelSerializer"]

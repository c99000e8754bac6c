"""Ids: opaque and random (UUIDv7), or repeatable for a seed in stepped runs."""

import hashlib
import uuid
from datetime import datetime

import uuid6


class Ids:
    """Makes ids that tell nothing about what they name.

    With a `seed` (stepped clock only), `derived` gives the same id for the same parts, so that the
    same file and seed give the same people on every run and engine.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._seed = seed

    def new(self) -> str:
        """A fresh UUIDv7."""
        return str(uuid6.uuid7())

    def derived(self, *parts: str) -> str:
        """An id for what `parts` name: repeatable if there is a seed, else fresh."""
        if self._seed is None:
            return self.new()
        return repeatable_id(str(self._seed), *parts)


def repeatable_id(*parts: str) -> str:
    """The same UUID for the same parts, always: for aggregates that a repeated decision must find again."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=5))


def first_id_at(instant: datetime) -> str:
    """The lowest UUIDv7 of an instant: every fresh id that was made before is lower."""
    milliseconds = int(instant.timestamp() * 1000)
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7000-8000-000000000000"

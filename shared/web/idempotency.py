"""The header `Idempotency-Key`: the same key and request get the same answer, and one effect."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from shared.storage.changes import Idempotency
from shared.web.problems import Problem

State = TypeVar("State")

_LONGEST_KEY = 255


class IdempotencyKey:
    """The key of this request, if it has one, bound to what was asked."""

    def __init__(self, key: str | None, fingerprint: str) -> None:
        self.key = key
        self.fingerprint = fingerprint

    def answering(self, answer: Callable[[State], dict[str, Any]]) -> Idempotency[State] | None:
        """For a `Change`: keep the answer with the key. None if the request had no key."""
        if self.key is None:
            return None
        return Idempotency(self.key, self.fingerprint, answer)


async def _read(request: Request) -> IdempotencyKey:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= _LONGEST_KEY:
        raise Problem(400, "Idempotency-Key is not valid", f"Send 1 to {_LONGEST_KEY} characters.")
    body = await request.body() if key is not None else b""
    asked = b"\0".join((request.method.encode(), request.url.path.encode(), body))
    return IdempotencyKey(key, hashlib.sha256(asked).hexdigest())


Idempotent = Annotated[IdempotencyKey, Depends(_read)]

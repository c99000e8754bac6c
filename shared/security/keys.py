"""API keys of coordinators and operators: random, shown once, kept as hashes.

A key has 256 random bits, so one round of SHA-256 is enough: there is no small set to guess from.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

_PREFIX: Final = "cg_"


def new_key() -> str:
    """A fresh key. Show it once; keep only its hash."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """What is kept of a key, 64 hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()


def matches_any(key: str, hashes: Iterable[str]) -> bool:
    """Whether the key is one of those, compared in constant time and without stopping early."""
    given = hash_key(key)
    found = False
    for kept in hashes:
        found |= hmac.compare_digest(given, kept)
    return found

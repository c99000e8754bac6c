"""API keys of coordinators and operators: random, shown once, kept as hashes.

A kept hash may say for which programme and cities its key is good: `hash:programme:461+751`. A key has 256 random bits, so one round of SHA-256 is enough: there is no small set to guess from.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

from shared.security.scopes import Scope

_PREFIX: Final = "cg_"


def new_key() -> str:
    """A fresh key. Show it once; keep only its hash."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """What is kept of a key, 64 hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()


def scope_of(key: str, kept: Iterable[str]) -> Scope | None:
    """What the key is good for; None if it is none of those.

    Compared in constant time and without stopping early. Raises `SettingsInvalid`.
    """
    given = hash_key(key)
    found: Scope | None = None
    for each in kept:
        key_hash, _, scope = each.partition(":")
        if hmac.compare_digest(given, key_hash):
            found = Scope.read(scope)
    return found

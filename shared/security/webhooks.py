"""Signatures of webhooks, by the Standard Webhooks specification (symmetric, `v1`).

A secret is never stored: it is a keyed hash of a random seed, so whoever reads the database can sign
nothing. The seed is kept; the key of the hash is the service's.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import Final

from shared.security.hashing import KeyedHash

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
_PREFIX: Final = "whsec_"
_PURPOSE: Final = "webhook secret"


def new_seed() -> str:
    """What is kept of a secret: random, and worth nothing without the service's own key."""
    return secrets.token_hex(32)


def secret_of(seed: str, hashes: KeyedHash) -> str:
    """The secret that a seed stands for, 32 bytes, as receivers write it: `whsec_…`."""
    return _PREFIX + base64.b64encode(bytes.fromhex(hashes.of(_PURPOSE, seed))).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, `v1,…`: HMAC-SHA256 over id, seconds since 1970 and body, with dots between."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(
    all_secrets: Iterable[str], message_id: str, timestamp: int, body: bytes
) -> Mapping[str, str]:
    """The three headers. While a secret is being replaced there are several signatures; one must fit."""
    signatures = (signature(one, message_id, timestamp, body) for one in all_secrets)
    return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(signatures)}

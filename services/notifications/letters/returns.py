"""The address that a message comes back to: it names its recipient, and nobody else can make one.

A variable envelope return path (VERP): what mail servers send back need not quote anything of the
message. The tag is an HMAC, so that nobody can have somebody else counted as out of reach.
"""

import hmac
from typing import Final

from shared.security.hashing import KeyedHash

_BOX: Final = "bounce+"
_TAG_LENGTH: Final = 10
_LONGEST_LOCAL_PART: Final = 64


def returns_to(recipient_id: str, address: str, secret: str) -> str:
    """The envelope's sender for a message to this person; `address` is the programme's own.

    `address` itself where the id does not fit: then only a returned Message-ID tells whose it is.
    """
    local = f"{_BOX}{recipient_id}.{_tag(recipient_id, secret)}"
    if len(local) > _LONGEST_LOCAL_PART:
        return address
    return f"{local}@{address.rpartition('@')[2]}"


def who_returned(address: str, secret: str) -> str | None:
    """Whose message came back to this address; None if we did not make it."""
    local = address.rpartition("@")[0]
    if not local.startswith(_BOX):
        return None
    recipient_id, _, tag = local.removeprefix(_BOX).rpartition(".")
    made = _tag(recipient_id, secret)
    return recipient_id if hmac.compare_digest(made.encode(), tag.encode()) else None


def _tag(recipient_id: str, secret: str) -> str:
    return KeyedHash(secret).of("bounce", recipient_id)[:_TAG_LENGTH]

"""Sealing: what only the holder of one request's private key can read, wherever copies of it lie.

HPKE (RFC 9180) in base mode, from the library `cryptography`. Deleting the private key makes every
copy unreadable, also in topics and backups that nobody can reach into.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from shared.errors import CommonGroundError

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class SealBroken(CommonGroundError):
    """Something was sealed to another key, for another purpose, or has been changed since."""


def new_key_pair() -> tuple[bytes, bytes]:
    """A fresh private key and its public one, 32 bytes each."""
    private = X25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def seal(plain: bytes, public_key: bytes, about: str) -> bytes:
    """`plain`, readable only with the private key and the same `about`. Raises `ValueError`."""
    return _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(public_key), about.encode())


def open_sealed(sealed: bytes, private_key: bytes, about: str) -> bytes:
    """What was sealed. Raises `SealBroken`."""
    try:
        return _SUITE.decrypt(
            sealed, X25519PrivateKey.from_private_bytes(private_key), about.encode()
        )
    except (InvalidTag, ValueError):
        raise SealBroken(
            f"{about!r} cannot be opened with this key: it was sealed to another one, or changed."
        ) from None

"""Keyed hashes: the same value gives the same hash, and nobody without the key can guess it back."""

import hmac


class KeyedHash:
    """HMAC-SHA256 over parts that cannot run into one another."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def of(self, *parts: str) -> str:
        """The hash of the parts in their order, 64 hexadecimal digits."""
        message = b"".join(
            len(part).to_bytes(4, "big") + part for part in (text.encode() for text in parts)
        )
        return hmac.digest(self._secret, message, "sha256").hex()

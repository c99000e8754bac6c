"""The secrets of one data directory and the keys of its coordinator and its operator.

Random, made once, kept in `secrets.json` with mode 0600, given to the services by environment only.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shared.security.keys import hash_key, new_key


@dataclass(frozen=True, slots=True)
class Keys:
    """What a coordinator and an operator sign in with."""

    coordinator: str
    operator: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the services sign links and hash addresses with, and the keys."""

    link_secret: str
    hash_secret: str
    coordinator_key: str
    operator_key: str
    bounce_key: str = field(default_factory=new_key)

    @property
    def keys(self) -> Keys:
        """The keys, for the demo and for whoever starts the platform."""
        return Keys(coordinator=self.coordinator_key, operator=self.operator_key)

    @property
    def identity_secret(self) -> str:
        """What intake proves itself with to the local identity provider."""
        return hmac.new(self.link_secret.encode(), b"identity", hashlib.sha256).hexdigest()

    def environment(self) -> dict[str, str]:
        """The settings of the services. They are given the hashes of the keys only."""
        return {
            "LINK_SECRET": self.link_secret,
            "HASH_SECRET": self.hash_secret,
            "COORDINATOR_KEY_HASHES": hash_key(self.coordinator_key),
            "OPERATOR_KEY_HASHES": hash_key(self.operator_key),
            "BOUNCE_KEY_HASHES": hash_key(self.bounce_key),
        }


def load_or_make(path: Path) -> Secrets:
    """The secrets kept at `path`; made and written there if there are none.

    Written beside and moved into place, so a crash leaves all of them or none.
    """
    if path.exists():
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))
    made = Secrets(
        link_secret=secrets.token_urlsafe(32),
        hash_secret=secrets.token_urlsafe(32),
        coordinator_key=new_key(),
        operator_key=new_key(),
    )
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(made), file, indent=2)
    unfinished.replace(path)
    return made

"""Settings of intake for tests without engines."""

from typing import Any

from pydantic import SecretStr

from services.intake.settings import Settings


def settings(kind: type[Settings] = Settings, **more: Any) -> Settings:
    """Settings that name nothing real."""
    return kind(
        kafka_url="kafka",
        mongodb_url="mongodb",
        link_secret=SecretStr("links"),
        hash_secret=SecretStr("hashes"),
        **more,
    )

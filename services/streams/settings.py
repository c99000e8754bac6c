"""Streams' settings beside those that all services share."""

from typing import Literal

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """One process of streams."""

    catalogue_for: Literal["anyone", "key_holders"] = "anyone"
    """Who may read the catalogue of events. It tells of the contract, which is public, and of nobody."""
    requests_per_minute: int = 600
    """With one integrator's key, and from one network address; for each process."""
    readers_per_grant: int = 20
    """Streams and long polls that one integrator may have open at a time; for each process."""

"""Streams' settings beside those that all services share."""

from typing import Literal

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """One process of streams."""

    catalogue_for: Literal["anyone", "key_holders"] = "anyone"
    """Who may read the catalogue of events. It tells of the contract, which is public, and of nobody."""

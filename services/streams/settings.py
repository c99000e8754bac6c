"""Streams' settings: those that all services share, and no others."""

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """One process of streams."""

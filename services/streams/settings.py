"""Streams' settings beside those that all services share."""

from datetime import timedelta
from typing import Literal

from pydantic import field_validator

from services.streams.domain.addresses import networks_of
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """One process of streams."""

    catalogue_for: Literal["anyone", "key_holders"] = "anyone"
    """Who may read the catalogue of events. It tells of the contract, which is public, and of nobody."""
    requests_per_minute: int = 600
    """With one integrator's key, and from one network address; for each process."""
    readers_per_grant: int = 20
    """Streams and long polls that one integrator may have open at a time; for each process."""
    webhook_networks: str = ""
    """Networks such as `10.20.0.0/16, fd00::/8` to which webhooks may be sent although they are not
    public, and without TLS. Empty: public addresses by https only."""
    kafka_door: bool = False
    """Fill the topics of grants that operators have opened in Kafka. Only where brokers know rights."""
    door_lease_s: float = 15.0
    """So long after an instance died others take over the webhooks and topics that it served."""
    service_urls: str = ""
    """Every process of the platform, for the console: `matching-1=http://host:port`, separated by commas.
    Their `/health` and `/metrics` are asked there, past the ingress."""

    @field_validator("webhook_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks_of(value)
        return value

    @property
    def door_lease(self) -> timedelta:
        """The same as a duration."""
        return timedelta(seconds=self.door_lease_s)

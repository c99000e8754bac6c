"""What a service in a test is told of its brokers."""

from typing import Any

from deploy.local.engines import Addresses


def kafka_settings(addresses: Addresses) -> dict[str, Any]:
    """The fields of `ServiceSettings` that say where the brokers are and what they bear."""
    return {
        "kafka_url": ",".join(addresses.kafka),
        "static_members": addresses.static_members,
    }

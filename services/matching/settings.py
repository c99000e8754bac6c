"""What matching adds to the settings that all services share."""

from datetime import timedelta

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Each is an environment variable of the same name in capitals."""

    lease_seconds: float = 15.0
    """After so long (machine time) without a sign of life another instance takes over the rounds."""
    proposals_at_once: int = 200
    """How many proposals one transaction writes."""

    @property
    def lease_for(self) -> timedelta:
        """How long a lease on a programme's rounds holds."""
        return timedelta(seconds=self.lease_seconds)

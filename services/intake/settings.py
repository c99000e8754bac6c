"""What intake adds to the settings that all services share."""

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """One process of intake."""

    requests_per_minute: int = 30
    """Of one network address, to the endpoints that anybody may call; for each process."""
    alike_answer_seconds: float = 0.25
    """Registering and asking for a link are answered at a multiple of this, whoever is known."""

"""The settings that all services share, read from the environment."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """One process's settings. Each is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(extra="ignore")

    host: str = "127.0.0.1"
    port: int = 8000
    instance: str = "1"
    """Unique among the processes of one service; static group membership builds on it."""
    kafka_url: str
    """Bootstrap servers, `host:port`, separated by commas."""
    mongodb_url: str
    """With user, password and the service's own database."""
    clock: str = "system"
    """`system`, or `stepped:<file>` for the demo and tests."""
    seed: int | None = None
    """Only with a stepped clock: makes ids repeatable."""
    public_url: str = "http://127.0.0.1:8000"
    """The one origin that people see; links in messages start with it."""
    smtp_url: str = "smtp://127.0.0.1:25"
    link_secret: SecretStr
    """Signs the links in messages. The same for all services."""
    hash_secret: SecretStr
    """Keys the hashes of e-mail addresses."""
    coordinator_key_hashes: str = ""
    """Hashes made by `shared.security.keys.hash_key`, separated by commas."""
    operator_key_hashes: str = ""
    resend_state: bool = False
    """Send the current state of every aggregate again: after the broker has lost its data."""
    after_restore: bool = False
    """For one start, with all other instances stopped, after MongoDB came back from a backup: sequences
    go on above what Kafka has, and everything that Kafka still has is consumed again."""
    most_unsent_events: int = 50_000
    """When more wait to be published, HTTP writes are answered with 503 until Kafka is back."""
    batch_size: int = 500
    """Most records that one batch takes from Kafka."""

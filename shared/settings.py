"""The settings that all services share, read from the environment."""

import hashlib
import hmac

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import SettingsInvalid
from shared.security.scopes import Scope


class ServiceSettings(BaseSettings):
    """One process's settings. Each is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: int = 8000
    instance: str = "1"
    """Unique among the processes of one service; static group membership builds on it."""
    static_members: bool = True
    """Whether a process that restarts is the same member of its consumer group. Not with brokers whose
    groups can come to a standstill on that: the embedded one (0098)."""
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
    session_secret: SecretStr | None = None
    """Signs the sessions of coordinators and operators; a new one ends them all. The same for all
    services; made from `link_secret` if it is not given."""
    coordinator_key_hashes: str = ""
    """Hashes made by `shared.security.keys.hash_key`, separated by commas. A hash alone is good for
    everything, `hash:programme` for one programme, `hash:programme:461+751` for these cities of it."""
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

    @property
    def session_key(self) -> str:
        """What sessions are signed with."""
        if self.session_secret is not None:
            return self.session_secret.get_secret_value()
        key = self.link_secret.get_secret_value().encode()
        return hmac.new(key, b"commonground.session", hashlib.sha256).hexdigest()

    @field_validator("coordinator_key_hashes", "operator_key_hashes")
    @classmethod
    def _scopes_can_be_read(cls, hashes: str) -> str:
        """A scope that cannot be read keeps the process from starting, not a coordinator out."""
        try:
            for each in filter(None, hashes.split(",")):
                Scope.read(each.partition(":")[2])
        except SettingsInvalid as error:
            raise ValueError(str(error)) from None
        return hashes

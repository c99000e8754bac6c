"""What notifications adds to the settings that all services share."""

from datetime import timedelta

from services.notifications.domain.life import Patience
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Each is an environment variable of the same name in capitals."""

    mail_from: str = "no-reply@common-ground.example"
    """The address that messages come from; the name before it is the programme's."""
    smtp_connections: int = 4
    """Kept open to the mail server named in `SMTP_URL` (smtp://, smtps:// or smtp+starttls://)."""
    smtp_timeout_s: float = 20.0
    """For each step of a delivery. Four of them must be well below `CLAIM_FOR_MINUTES`."""
    mails_at_once: int = 200
    """How many are claimed together: as many may be sent twice if the process is killed then."""
    give_up_after_days: float = 3.0
    """Machine time from the first attempt, as long as the mail server says 'later'."""
    claim_for_minutes: float = 5.0
    """After so long a message that somebody else was sending is taken over."""

    bounce_key_hashes: str = ""
    """Of the keys with which a mail server may hand in what came back, separated by commas."""

    @property
    def patience(self) -> Patience:
        """The two limits that the domain knows."""
        return Patience(
            give_up_after=timedelta(days=self.give_up_after_days),
            claim_for=timedelta(minutes=self.claim_for_minutes),
        )

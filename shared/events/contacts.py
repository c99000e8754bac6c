"""The stream `contacts`: how to reach a person. Only notifications reads it."""

from enum import StrEnum

from pydantic import Field

from shared.events.payload import Payload
from shared.events.streams import CONTACTS


class ContactRole(StrEnum):
    """In which role somebody is written to."""

    MENTEE = "mentee"
    MENTOR = "mentor"
    COORDINATOR = "coordinator"


class ContactState(Payload):
    """The whole contact of a person: participant or coordinator."""

    stream = CONTACTS

    participant_id: str = Field(description="Of the participant, or the coordinator's id.")
    role: ContactRole
    name: str
    email: str
    phone: str | None = None
    locale: str = Field(default="en", description="The language of her messages: en, da, ar, uk.")
    time_zone: str = Field(default="Europe/Copenhagen", description="IANA name.")
    reminders: bool = Field(default=True, description="False: she wants no reminders.")

    @property
    def subject(self) -> str:
        """The person."""
        return self.participant_id


class ContactChanged(ContactState, name="contact.changed"):
    """A person's contact is known or has changed."""


class LinkRequested(ContactState, name="contact.link_requested"):
    """Somebody typed in an address that is registered: send its owner a fresh link."""


class ContactErased(Payload, name="contact.erased"):
    """The contact is to be forgotten. Only the id is left."""

    stream = CONTACTS

    participant_id: str

    @property
    def subject(self) -> str:
        """The person."""
        return self.participant_id

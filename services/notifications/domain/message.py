"""One message to one person: its state, and the few facts its text is made of.

What is personal is in `Addressed` only, which is there from the claim to the answer of the mail
server and never longer. `Content` holds codes; it goes too, as soon as the message is done.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.events.messages import FailureReason, MessageKind
from shared.events.participants import Role
from shared.events.payload import Stream

NO_CONTACT_AFTER = timedelta(days=3)


class Variant(StrEnum):
    """Which of several texts a message takes, where its kind alone does not say."""

    PLAIN = "plain"
    SAID_NO = "said_no"
    OTHER_SILENT = "other_silent"
    OWN_SILENT = "own_silent"
    TAKEN_BACK = "taken_back"
    BETTER_FOUND = "better_found"
    DATA = "data"
    AGREEMENT = "agreement"
    NEEDED_MORE = "needed_more"
    PLANNED = "planned"
    GOALS_REACHED = "goals_reached"
    EARLY = "early"
    TO_DEPUTY = "to_deputy"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Shared:
    """What two people share in one factor of the score: codes, as in the profiles."""

    factor: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """The facts that a text needs beside its kind. Codes, numbers and dates; no names, no words.

    role: of the recipient; for a coordinator of the person it is about. count: mentors in reach
    (still waiting), days since acceptance (check-in), weeks from meeting to meeting (agreement), check-ins
    completed (closure).
    """

    variant: Variant = Variant.PLAIN
    role: Role | None = None
    shared: tuple[Shared, ...] = ()
    languages: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    online: bool = False
    waiting_reason: str | None = None
    what_helps: tuple[str, ...] = ()
    waiting_days: int = 0
    count: int = 0
    again: bool = False
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Addressed:
    """What was known at the moment of the claim, so that the same message can be made again.

    `other_*`: the person who is introduced to the recipient. `answer_days`: the programme's policy.
    """

    email: str
    name: str
    locale: str
    programme_name: str
    city_name: str
    answer_days: int
    dated: datetime
    other_name: str | None = None
    other_email: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Who is sending the message right now. `at` is machine time."""

    sender: str
    life: str
    at: datetime


class Stage(StrEnum):
    """Where a message stands. Held: until the quiet hours are over. Queued: it may go now."""

    WAITING_FOR_CONTACT = "waiting_for_contact"
    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"

    @property
    def is_done(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self in (Stage.SENT, Stage.FAILED, Stage.BOUNCED)


@dataclass(frozen=True, slots=True)
class Message:
    """The whole state. Domain time: asked_at, send_at, sent_at. Machine time: first_tried, retry_at.

    because_of, correlation_id: of the event that asked for it.
    introduces: the participant whose name and address it passes on, once both have agreed.
    addressed: kept while it is uncertain whether the mail server has the message.
    resent: how often it was sent again because of that. assumed: a reminder that was not.
    """

    message_id: str
    kind: MessageKind
    recipient_id: str
    programme: str
    because_of: str
    correlation_id: str
    asked_at: datetime
    city: str | None = None
    to_coordinator: bool = False
    match_id: str | None = None
    check_in_number: int | None = None
    introduces: str | None = None
    content: Content | None = None
    stage: Stage = Stage.WAITING_FOR_CONTACT
    send_at: datetime | None = None
    claim: Claim | None = None
    addressed: Addressed | None = None
    attempts: int = 0
    first_tried: datetime | None = None
    retry_at: datetime | None = None
    resent: int = 0
    assumed: bool = False
    sent_at: datetime | None = None
    failure: FailureReason | None = None

    @property
    def is_about_an_agreement(self) -> bool:
        """Whether it says that the other side has written down what the two could agree on."""
        return self.content is not None and self.content.variant is Variant.AGREEMENT

    def is_older_than(self, stream: Stream, sequence: int) -> bool:
        """Whether an event with this sequence in `stream` came after the one that asked for this.

        Of another stream nobody can tell: what is known of it counts as newer.
        """
        name, _, asking = self.because_of.partition("/")
        return name != stream.name or sequence > int(asking.rpartition(":")[2])

    def without_text(self) -> "Message":
        """Without all that is only there to make the text: it is done."""
        return replace(
            self, content=None, addressed=None, claim=None, introduces=None, retry_at=None
        )

    @property
    def wake_at(self) -> datetime | None:
        """When time next has something to do here: let it go, or stop waiting for a contact."""
        if self.stage is Stage.HELD:
            return self.send_at
        if self.stage is Stage.WAITING_FOR_CONTACT:
            return self.asked_at + NO_CONTACT_AFTER
        return None


def message_id(because_of: str, recipient_id: str, kind: MessageKind) -> str:
    """Event + recipient + kind: so the same event cannot ask for the same message twice."""
    return f"{because_of}|{recipient_id}|{kind}"

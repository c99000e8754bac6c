"""What becomes of a message, from the ask to the end. Pure: times and chance are passed in.

waiting_for_contact → held → queued → sending → sent | failed, sent → bounced, and back from sending to queued when
the mail server is away. Every function returns None where there is nothing (more) to do, so each may be
repeated. `now` is domain time, `machine` is machine time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from services.notifications.domain.message import Addressed, Claim, Message, Stage
from services.notifications.domain.quiet_hours import QuietHours, earliest, zone_named
from shared.decisions import Decision
from shared.events.messages import (
    FailureReason,
    MessageBounced,
    MessageFailed,
    MessageKind,
    MessageSent,
)

Decide: TypeAlias = Callable[[Message | None], Decision[Message] | None]

SHE_WAITS_FOR_IT: Final = frozenset({MessageKind.CONFIRM_ADDRESS, MessageKind.YOUR_LINK})
"""She asked for these a moment ago and sits there: the quiet hours would only be in her way."""

FIRST_RETRY_AFTER: Final = timedelta(seconds=2)
LONGEST_RETRY_AFTER: Final = timedelta(minutes=15)


class Delivery(StrEnum):
    """What the mail server did with a message.

    LATER: it surely does not have it, and may take it another time. UNSURE: the connection broke
    while the message was on its way, so it may have it.
    """

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a message is tried. `claim_for` must be longer than any sending takes."""

    give_up_after: timedelta = timedelta(days=3)
    claim_for: timedelta = timedelta(minutes=5)


DEFAULT_PATIENCE: Final = Patience()


def send_at(message: Message, zone: str, quiet: QuietHours, now: datetime) -> datetime:
    """When it may go: now, or when the quiet hours of the recipient's zone are over.

    Coordinators are written to at any hour, since somebody may need help.
    """
    asked_for_it = message.kind in SHE_WAITS_FOR_IT and not message.is_about_an_agreement
    if message.to_coordinator or asked_for_it:
        return now
    return earliest(now, quiet, zone_named(zone))


def release(message: Message, now: datetime, at: datetime) -> Decision[Message] | None:
    """Its contact is known: it may go at `at`, which is now or when the quiet hours are over."""
    if message.stage is not Stage.WAITING_FOR_CONTACT:
        return None
    stage = Stage.HELD if at > now else Stage.QUEUED
    return Decision(replace(message, stage=stage, send_at=at))


def hold(message: Message, at: datetime) -> Decision[Message] | None:
    """The mail server was away for so long that it is night there now: it goes in the morning."""
    if message.stage is not Stage.QUEUED:
        return None
    return Decision(replace(message, stage=Stage.HELD, send_at=at, retry_at=None))


def on_time(message: Message, now: datetime) -> Decision[Message] | None:
    """The quiet hours are over; or no contact has come in three days, and the coordinator sees it."""
    if message.wake_at is None or message.wake_at > now:
        return None
    if message.stage is Stage.HELD:
        return Decision(replace(message, stage=Stage.QUEUED))
    return fail(message, FailureReason.NO_CONTACT)


def is_due(message: Message, machine: datetime) -> bool:
    """Whether it may be sent, and is not in the pause after a failed attempt."""
    return message.stage is Stage.QUEUED and (
        message.retry_at is None or message.retry_at <= machine
    )


def is_abandoned(message: Message, by: Claim, patience: Patience) -> bool:
    """Whether whoever was sending it is gone: the same process in an earlier life, or long ago."""
    claim = message.claim
    if message.stage is not Stage.SENDING or claim is None:
        return False
    if claim.sender == by.sender and claim.life != by.life:
        return True
    return by.at - claim.at >= patience.claim_for


def claim(
    message: Message, by: Claim, addressed: Addressed, now: datetime, patience: Patience
) -> Decision[Message] | None:
    """Takes it for sending: by the one who wins this write, and by nobody else.

    If it is uncertain whether the mail server has it already, it goes out again exactly as before,
    except a reminder: that is taken as sent.
    """
    abandoned = is_abandoned(message, by, patience)
    if not abandoned and not is_due(message, by.at):
        return None
    again = message.addressed is not None
    if again and message.kind.is_reminder:
        return _sent(replace(message, assumed=True), now)
    return Decision(
        replace(
            message,
            stage=Stage.SENDING,
            claim=by,
            addressed=message.addressed or addressed,
            attempts=message.attempts + 1,
            first_tried=message.first_tried or by.at,
            retry_at=None,
            resent=message.resent + again,
        )
    )


def record(
    message: Message,
    by: Claim | None,
    delivery: Delivery,
    now: datetime,
    machine: datetime,
    chance: float,
    patience: Patience,
) -> Decision[Message] | None:
    """Notes what the mail server did. `chance` in [0, 1) spreads the retries.

    None if somebody else has claimed it meanwhile: then theirs is the word that counts.
    """
    if message.stage is not Stage.SENDING or message.claim != by:
        return None
    match delivery:
        case Delivery.TAKEN:
            return _sent(message, now)
        case Delivery.REFUSED:
            return fail(message, FailureReason.REFUSED)
        case Delivery.UNSURE if message.kind.is_reminder:
            return _sent(replace(message, assumed=True), now)
    if machine - (message.first_tried or machine) >= patience.give_up_after:
        return fail(message, FailureReason.GAVE_UP)
    return Decision(
        replace(
            message,
            stage=Stage.QUEUED,
            claim=None,
            addressed=message.addressed if delivery is Delivery.UNSURE else None,
            retry_at=machine + retry_after(message.attempts, chance),
        )
    )


def retry_after(attempts: int, chance: float) -> timedelta:
    """The pause after this many attempts: doubling up to a bound, spread by half to all of it."""
    doubled = FIRST_RETRY_AFTER * 2 ** min(attempts - 1, 20)
    pause = min(doubled, LONGEST_RETRY_AFTER) * (0.5 + chance / 2)
    # Whole milliseconds, which is what MongoDB keeps.
    return timedelta(milliseconds=pause // timedelta(milliseconds=1))


def take_back(
    message: Message, by: Claim | None = None, patience: Patience | None = None
) -> Decision[Message] | None:
    """It is no longer meant. One that is being sent right now is left alone until its end.

    by: who asks, if she may also take back what an earlier sender has abandoned.
    """
    waits = message.stage in (Stage.WAITING_FOR_CONTACT, Stage.HELD, Stage.QUEUED)
    abandoned = by is not None and is_abandoned(message, by, patience or DEFAULT_PATIENCE)
    if not waits and not abandoned:
        return None
    return fail(message, FailureReason.NO_LONGER_MEANT)


def fail(message: Message, reason: FailureReason) -> Decision[Message]:
    """It will not be tried again, and the others hear why."""
    event = MessageFailed(
        programme=message.programme,
        city=message.city,
        message_id=message.message_id,
        recipient_id=message.recipient_id,
        kind=message.kind,
        because_of=message.because_of,
        match_id=message.match_id,
        check_in_number=message.check_in_number,
        attempts=message.attempts,
        reason=reason,
    )
    return Decision(replace(message.without_text(), stage=Stage.FAILED, failure=reason), (event,))


def come_back(message: Message, status: str) -> Decision[Message] | None:
    """It was taken, and came back for good: she cannot be reached at this address."""
    if message.stage is not Stage.SENT:
        return None
    event = MessageBounced(
        programme=message.programme,
        city=message.city,
        message_id=message.message_id,
        recipient_id=message.recipient_id,
        kind=message.kind,
        because_of=message.because_of,
        match_id=message.match_id,
        check_in_number=message.check_in_number,
        attempts=message.attempts,
        status=status or None,
    )
    return Decision(replace(message, stage=Stage.BOUNCED), (event,))


def _sent(message: Message, now: datetime) -> Decision[Message]:
    event = MessageSent(
        programme=message.programme,
        city=message.city,
        message_id=message.message_id,
        recipient_id=message.recipient_id,
        kind=message.kind,
        because_of=message.because_of,
        match_id=message.match_id,
        check_in_number=message.check_in_number,
        attempts=message.attempts,
        sent_at=now,
    )
    return Decision(replace(message.without_text(), stage=Stage.SENT, sent_at=now), (event,))

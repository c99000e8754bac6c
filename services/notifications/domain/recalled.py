"""A message taken back from its own events, after the database came back from an older backup. Pure."""

from dataclasses import replace

from services.notifications.domain.message import Message, Stage
from shared.events.messages import MessageBounced, MessageFailed, MessageSent, MessageState
from shared.events.wire import Event


def recalled(kept: Message | None, event: Event[MessageState]) -> Message | None:
    """What the message came to by this event, so that nobody is sent it once more."""
    told = event.payload
    message = kept or Message(
        message_id=told.message_id,
        kind=told.kind,
        recipient_id=told.recipient_id,
        programme=told.programme,
        because_of=told.because_of,
        correlation_id=event.correlation_id,
        asked_at=event.time,
        city=told.city,
        match_id=told.match_id,
        check_in_number=told.check_in_number,
    )
    message = replace(message, attempts=told.attempts).without_text()
    match told:
        case MessageSent():
            return replace(message, stage=Stage.SENT, sent_at=told.sent_at)
        case MessageFailed():
            return replace(message, stage=Stage.FAILED, failure=told.reason)
        case MessageBounced():
            return message
    return None

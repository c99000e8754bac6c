"""Which messages an event asks for: the table carried out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.notifications.domain.known import Known, KnownProgramme
from services.notifications.domain.message import Content, Message, Shared, Variant, message_id
from services.notifications.domain.table import TABLE, Row, To, When
from shared.events import care, check_ins, contacts, matches, participants, pool, rights
from shared.events.messages import MessageKind
from shared.events.participants import ParticipantStatus, Role
from shared.events.payload import Payload
from shared.events.wire import Event


@dataclass(frozen=True, slots=True)
class CoordinatorsOf:
    """Recipients that the event does not name: those who look after a city, or their deputies."""

    city: str | None
    deputies: bool = False

    def resolved(self, programme: KnownProgramme) -> tuple[str, ...]:
        """Their ids; empty if the programme has no coordinator at all."""
        return programme.coordinators_of(self.city, deputies=self.deputies)


@dataclass(frozen=True, slots=True)
class Ask:
    """One message that an event asks for."""

    kind: MessageKind
    recipient: str | CoordinatorsOf
    content: Content
    match_id: str | None = None
    check_in_number: int | None = None
    introduces: str | None = None


def asks(event: Event[Payload], before: Known | None = None) -> tuple[Ask, ...]:
    """Which messages this event asks for.

    before: what was known of its subject until now; an event that repeats it asks for nothing.
    """
    if before is not None and before.knows(event.payload):
        return ()
    rows = [row for row in TABLE if row.event is type(event.payload) and _applies(row, event)]
    return tuple(ask for row in rows for ask in _asks_of(row, event))


def asked(ask: Ask, recipient_id: str, event: Event[Payload]) -> Message:
    """The message that carries out an ask, for one recipient; it does not have her contact yet."""
    return Message(
        message_id=message_id(event.id, recipient_id, ask.kind),
        kind=ask.kind,
        recipient_id=recipient_id,
        programme=event.programme,
        city=event.city,
        because_of=event.id,
        correlation_id=event.correlation_id or event.id,
        asked_at=event.time,
        to_coordinator=isinstance(ask.recipient, CoordinatorsOf),
        match_id=ask.match_id,
        check_in_number=ask.check_in_number,
        introduces=ask.introduces,
        content=ask.content,
    )


def _applies(row: Row, event: Event[Payload]) -> bool:
    payload = event.payload
    match row.when:
        case When.ALWAYS:
            return True
        case When.UNCONFIRMED:
            return _status(payload) is ParticipantStatus.UNCONFIRMED
        case When.ACTIVE:
            return _status(payload) is ParticipantStatus.ACTIVE
        case When.NO_ANSWER:
            return (
                isinstance(payload, participants.ParticipantPaused)
                and payload.reason is participants.PauseReason.NO_ANSWER
            )


def _status(payload: Payload) -> ParticipantStatus | None:
    return payload.status if isinstance(payload, participants.ParticipantState) else None


def _asks_of(row: Row, event: Event[Payload]) -> Sequence[Ask]:
    """One ask for each recipient of a row."""
    payload = event.payload
    match payload:
        case participants.ParticipantState() | pool.StillWaiting():
            return [Ask(row.kind, payload.participant_id, _content_about_her(payload, event))]
        case contacts.ContactState():
            return [Ask(row.kind, payload.participant_id, Content())]
        case rights.ExportReady():
            content = Content(Variant.DATA, reference=payload.request_id)
            return [Ask(row.kind, payload.participant_id, content)]
    match_id = getattr(payload, "match_id", None)
    number = getattr(payload, "number", None)
    if row.to is To.COORDINATORS:
        deputies = isinstance(payload, care.HelpRequested) and payload.to_deputy
        to = CoordinatorsOf(event.city, deputies)
        return [Ask(row.kind, to, _content_of_care(payload), match_id, number)]
    pair: dict[Role, str] = {
        Role.MENTEE: getattr(payload, "mentee_id", ""),
        Role.MENTOR: getattr(payload, "mentor_id", ""),
    }
    introduces = row.kind is MessageKind.MATCH_ACCEPTED
    return [
        Ask(
            row.kind,
            pair[role],
            _content_of_pair(payload, role),
            match_id,
            number,
            introduces=pair[role.other] if introduces else None,
        )
        for role in _roles(row.to, payload)
    ]


def _roles(to: To, payload: Payload) -> tuple[Role, ...]:
    """Which sides of a match a row means."""
    both = (Role.MENTEE, Role.MENTOR)
    match to, payload:
        case To.MENTEE, _:
            return (Role.MENTEE,)
        case To.MENTOR, _:
            return (Role.MENTOR,)
        case To.WHOSE_TURN, matches.MatchReminderDue(remind=remind):
            return (remind,)
        case To.STILL_ASKED, matches.MatchDeclined(declined_by=declined_by):
            # The mentee is asked first: when she says no, the mentor has heard nothing.
            return (Role.MENTEE,) if declined_by is Role.MENTOR else ()
        case To.ASKED, matches.MatchExpired(unanswered_by=unanswered_by):
            return both if unanswered_by is Role.MENTOR else (Role.MENTEE,)
        case To.ASKED, matches.MatchWithdrawn(asked=asked_roles):
            return asked_roles
        case To.MISSING, check_ins.CheckInReminderDue(remind=missing):
            return missing
        case To.MISSING, check_ins.CheckInOverdue(missing=missing):
            return missing
        case To.NOT_AGREED, check_ins.AgreementChanged(affirmed_by=affirmed_by):
            return tuple(role for role in both if role not in affirmed_by)
        case _:
            return both


def _content_about_her(
    payload: participants.ParticipantState | pool.StillWaiting, event: Event[Payload]
) -> Content:
    if isinstance(payload, participants.ParticipantState):
        return Content(role=payload.role)
    return Content(
        role=payload.role,
        waiting_reason=payload.reason,
        what_helps=payload.what_helps,
        waiting_days=max(0, (event.time - payload.waiting_since).days),
        count=payload.mentors_in_reach,
    )


def _content_of_care(payload: Payload) -> Content:
    if isinstance(payload, care.HelpRequested):
        variant = Variant.TO_DEPUTY if payload.to_deputy else Variant.PLAIN
        return Content(variant, role=payload.asked_by, reference=payload.help_id)
    if isinstance(payload, matches.MatchQuestionAsked):
        return Content(Variant.QUESTION, role=payload.asked_by, reference=payload.question_id)
    return Content()


def _content_of_pair(payload: Payload, role: Role) -> Content:
    """What a message to one side of a match is made of."""
    match payload:
        case matches.MatchState():
            return Content(
                _variant_of_closing(payload, role),
                role=role,
                shared=tuple(
                    Shared(reason.factor, reason.shared)
                    for reason in payload.reasons
                    if reason.points > 0
                ),
                languages=payload.languages,
                times=payload.times,
                online=payload.online,
            )
        case check_ins.CheckInState():
            return Content(role=role, count=payload.day)
        case check_ins.AgreementChanged():
            return Content(Variant.AGREEMENT, role=role, count=payload.every_weeks)
        case check_ins.MentorshipClosed():
            return Content(
                _variant_of_closure(payload),
                role=role,
                count=payload.check_ins_completed,
                again=role in payload.match_again,
            )
    return Content(role=role)


def _variant_of_closing(payload: matches.MatchState, role: Role) -> Variant:
    match payload:
        case matches.MatchDeclined():
            return Variant.SAID_NO
        case matches.MatchExpired(unanswered_by=unanswered_by):
            return Variant.OWN_SILENT if unanswered_by is role else Variant.OTHER_SILENT
        case matches.MatchWithdrawn(reason=matches.WithdrawReason.BETTER_FOUND):
            return Variant.BETTER_FOUND
        case matches.MatchWithdrawn(reason=matches.WithdrawReason.NEEDED_MORE):
            return Variant.NEEDED_MORE
        case matches.MatchWithdrawn():
            return Variant.TAKEN_BACK
    return Variant.PLAIN


def _variant_of_closure(payload: check_ins.MentorshipClosed) -> Variant:
    if payload.early:
        return Variant.EARLY
    if payload.reason is check_ins.ClosingReason.GOALS_REACHED:
        return Variant.GOALS_REACHED
    return Variant.PLANNED

"""Events, messages and known facts for the tests of notifications, in the words of the domain."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from services.notifications.domain.asks import Ask, CoordinatorsOf, asked, asks
from services.notifications.domain.known import KnownContact, KnownProgramme
from services.notifications.domain.message import Addressed, Claim, Message, Stage
from services.notifications.letters.written import Letterhead
from shared.decisions import Decision
from shared.events import (
    care,
    check_ins,
    contacts,
    matches,
    participants,
    pool,
    programmes,
    rights,
)
from shared.events.check_ins import CheckInStatus, ClosingReason
from shared.events.contacts import ContactRole
from shared.events.matches import Factor, MatchStatus, Reason
from shared.events.participants import ParticipantStatus, Role
from shared.events.payload import Payload
from shared.events.pool import WaitingReason, WhatHelps
from shared.events.wire import Event, event_id

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PROGRAMME = "kvinfo"
ODENSE = "461"
MENTEE, MENTOR, COORDINATOR, DEPUTY = "mentee-1", "mentor-1", "coordinator-1", "coordinator-2"
MATCH = "match-1"
LETTERHEAD = Letterhead(
    address="no-reply@network.example",
    public_url="https://network.example",
    link_secret="only for tests",
)

_sequences = count(1)


def event(payload: Payload, *, sequence: int | None = None, at: datetime = NOON) -> Event[Any]:
    """The payload in its envelope; without a sequence one that is higher than all before."""
    number = next(_sequences) if sequence is None else sequence
    return Event(
        id=event_id(payload.stream.name, payload.subject, number),
        stream=payload.stream,
        subject=payload.subject,
        sequence=number,
        time=at,
        programme=payload.programme,
        city=payload.city,
        correlation_id="journey-1",
        causation_id=None,
        traceparent=None,
        payload=payload,
    )


def participant(kind: type[participants.ParticipantState], **changes: Any) -> Payload:
    said = {
        "programme": PROGRAMME,
        "city": ODENSE,
        "participant_id": MENTEE,
        "role": Role.MENTEE,
        "status": ParticipantStatus.ACTIVE,
        "registered_at": NOON,
    }
    return kind.model_validate({**said, **changes})


def contact(kind: type[contacts.ContactState] = contacts.ContactChanged, **changes: Any) -> Payload:
    said = {
        "programme": PROGRAMME,
        "city": ODENSE,
        "participant_id": MENTEE,
        "role": ContactRole.MENTEE,
        "name": "Amina Yusuf",
        "email": "amina@mentees.example",
        "locale": "en",
    }
    return kind.model_validate({**said, **changes})


def contact_erased(participant_id: str = MENTEE) -> Payload:
    return contacts.ContactErased(programme=PROGRAMME, participant_id=participant_id)


def programme_changed(**changes: Any) -> Payload:
    said = {
        "programme": PROGRAMME,
        "name": "Mentor Network",
        "charters": (programmes.Charter(version="2026-1"),),
        "cities": (programmes.City(code=ODENSE, name="Odense", region="Syddanmark"),),
        "coordinators": (
            programmes.CoordinatorRef(coordinator_id=COORDINATOR, cities=(ODENSE,), deputy=DEPUTY),
            programmes.CoordinatorRef(coordinator_id=DEPUTY, cities=("751",)),
        ),
    }
    return programmes.ProgrammeChanged.model_validate({**said, **changes})


REASONS = (
    Reason(factor=Factor.KINDS_OF_HELP, points=300, shared=("job_search", "confidence")),
    Reason(factor=Factor.PROFESSION, points=220, shared=("2221",)),
    Reason(factor=Factor.COMMON_GROUND, points=120, shared=("knitting", "shift work")),
    Reason(factor=Factor.EDUCATION, points=0),
)


def match(kind: type[matches.MatchState], status: MatchStatus, **changes: Any) -> Payload:
    said = {
        "programme": PROGRAMME,
        "city": ODENSE,
        "match_id": MATCH,
        "mentee_id": MENTEE,
        "mentor_id": MENTOR,
        "status": status,
        "score": 640,
        "reasons": REASONS,
        "languages": ("ar", "da"),
        "times": ("tue-evening",),
    }
    return kind.model_validate({**said, **changes})


def proposed(**changes: Any) -> Payload:
    return match(matches.MatchProposed, MatchStatus.PROPOSED, **changes)


def mentee_accepted(**changes: Any) -> Payload:
    return match(matches.MatchMenteeAccepted, MatchStatus.MENTEE_ACCEPTED, **changes)


def accepted(**changes: Any) -> Payload:
    return match(matches.MatchAccepted, MatchStatus.ACCEPTED, **changes)


def declined(by: Role, **changes: Any) -> Payload:
    return match(matches.MatchDeclined, MatchStatus.DECLINED, declined_by=by, **changes)


def expired(unanswered_by: Role) -> Payload:
    return match(
        matches.MatchExpired,
        MatchStatus.EXPIRED,
        unanswered_by=unanswered_by,
        unanswered_in_a_row=1,
    )


def withdrawn(
    *asked_roles: Role, reason: matches.WithdrawReason = matches.WithdrawReason.SOMEONE_LEFT
) -> Payload:
    return match(
        matches.MatchWithdrawn,
        MatchStatus.WITHDRAWN,
        reason=reason,
        asked=asked_roles,
    )


def reminder(role: Role) -> Payload:
    status = MatchStatus.PROPOSED if role is Role.MENTEE else MatchStatus.MENTEE_ACCEPTED
    return match(matches.MatchReminderDue, status, remind=role)


def question(role: Role = Role.MENTEE) -> Payload:
    status = MatchStatus.PROPOSED if role is Role.MENTEE else MatchStatus.MENTEE_ACCEPTED
    return match(matches.MatchQuestionAsked, status, asked_by=role, question_id="1")


def held() -> Payload:
    return match(matches.MatchHeld, MatchStatus.HELD)


def check_in(kind: type[check_ins.CheckInState], **changes: Any) -> Payload:
    said = {
        "programme": PROGRAMME,
        "city": ODENSE,
        "match_id": MATCH,
        "mentee_id": MENTEE,
        "mentor_id": MENTOR,
        "number": 1,
        "status": CheckInStatus.DUE,
        "day": 14,
        "due_at": NOON,
    }
    return kind.model_validate({**said, **changes})


def agreement(*affirmed_by: Role) -> Payload:
    return check_ins.AgreementChanged(
        programme=PROGRAMME,
        city=ODENSE,
        match_id=MATCH,
        mentee_id=MENTEE,
        mentor_id=MENTOR,
        affirmed_by=affirmed_by,
        every_weeks=2,
        until=NOON,
    )


def closed(**changes: Any) -> Payload:
    said = {
        "programme": PROGRAMME,
        "city": ODENSE,
        "match_id": MATCH,
        "mentee_id": MENTEE,
        "mentor_id": MENTOR,
        "reason": ClosingReason.PLANNED,
        "early": False,
        "started_at": NOON - timedelta(days=365),
        "closed_at": NOON,
        "check_ins_completed": 12,
        "match_again": (Role.MENTEE,),
    }
    return check_ins.MentorshipClosed.model_validate({**said, **changes})


def help_requested(**changes: Any) -> Payload:
    said = {
        "programme": PROGRAMME,
        "city": ODENSE,
        "match_id": MATCH,
        "mentee_id": MENTEE,
        "mentor_id": MENTOR,
        "help_id": "help-1",
        "asked_by": Role.MENTEE,
        "asked_at": NOON,
    }
    return care.HelpRequested.model_validate({**said, **changes})


def help_handled() -> Payload:
    said = help_requested().model_dump(exclude={"to_deputy"})
    return care.HelpHandled.model_validate({**said, "coordinator_id": COORDINATOR})


def views_diverged() -> Payload:
    return care.ViewsDiverged(
        programme=PROGRAMME,
        city=ODENSE,
        match_id=MATCH,
        mentee_id=MENTEE,
        mentor_id=MENTOR,
        number=2,
    )


def still_waiting(**changes: Any) -> Payload:
    said = {
        "programme": PROGRAMME,
        "city": ODENSE,
        "participant_id": MENTEE,
        "role": Role.MENTEE,
        "waiting_since": NOON - timedelta(days=14),
        "reason": WaitingReason.ALL_SEATS_TAKEN,
        "what_helps": (WhatHelps.MEET_ONLINE, WhatHelps.PATIENCE),
        "mentors_in_reach": 3,
    }
    return pool.StillWaiting.model_validate({**said, **changes})


def data_ready(participant_id: str = MENTEE) -> rights.ExportReady:
    return rights.ExportReady(
        programme="kvinfo",
        request_id="request-1",
        participant_id=participant_id,
        requested_at=NOON,
        until=NOON,
    )


def every_event() -> list[Event[Any]]:
    """At least one event for each line of the table and each variant of a text."""
    unconfirmed = {"status": ParticipantStatus.UNCONFIRMED}
    mentor = {"participant_id": MENTOR, "role": Role.MENTOR}
    no_answer = {
        "status": ParticipantStatus.PAUSED,
        "reason": participants.PauseReason.NO_ANSWER,
    }
    both = (Role.MENTEE, Role.MENTOR)
    return [
        event(payload)
        for payload in (
            participant(participants.ParticipantRegistered, **unconfirmed),
            participant(participants.ParticipantRegistered),
            participant(participants.ParticipantConfirmed),
            participant(participants.ParticipantScreened, **mentor),
            participant(participants.ParticipantPaused, **no_answer),
            participant(participants.ParticipantWithdrawn, status=ParticipantStatus.WITHDRAWN),
            contact(contacts.LinkRequested),
            data_ready(),
            held(),
            proposed(),
            proposed(online=True, reasons=(), languages=(), times=()),
            mentee_accepted(),
            question(),
            reminder(Role.MENTEE),
            reminder(Role.MENTOR),
            declined(Role.MENTOR),
            expired(Role.MENTEE),
            expired(Role.MENTOR),
            withdrawn(*both),
            accepted(reasons=_every_reason()),
            *(still_waiting(reason=reason) for reason in WaitingReason),
            still_waiting(what_helps=tuple(WhatHelps), mentors_in_reach=1),
            check_in(check_ins.CheckInDue),
            check_in(check_ins.CheckInReminderDue, remind=both),
            check_in(check_ins.CheckInOverdue, missing=both, status=CheckInStatus.OVERDUE),
            agreement(Role.MENTOR),
            closed(),
            closed(reason=ClosingReason.GOALS_REACHED, match_again=both),
            closed(reason=ClosingReason.MENTEE_WISHED, early=True, check_ins_completed=0),
            help_requested(),
            help_requested(to_deputy=True, asked_by=Role.MENTOR),
            check_in(care.CheckInEscalated, missing=both, status=CheckInStatus.ESCALATED),
            views_diverged(),
        )
    ]


def _every_reason() -> tuple[Reason, ...]:
    codes = {
        Factor.KINDS_OF_HELP: ("start_a_business",),
        Factor.PROFESSION: ("2512",),
        Factor.COMMON_GROUND: ("board_games", "teenagers at home", "unheard of"),
    }
    return tuple(
        Reason(factor=factor, points=10, shared=codes.get(factor, ())) for factor in Factor
    )


def messages_for(one: Event[Any]) -> Iterator[Message]:
    """The messages that an event asks for; those to coordinators go to one."""
    for ask in asks(one):
        yield asked(ask, COORDINATOR if _is_to_coordinators(ask) else str(ask.recipient), one)


def a_message(payload: Payload | None = None, **changes: Any) -> Message:
    """The first message that the payload (a proposal, if none is given) asks for."""
    return replace(next(messages_for(event(payload or proposed()))), **changes)


def queued(payload: Payload | None = None, **changes: Any) -> Message:
    return a_message(payload, **{"stage": Stage.QUEUED, "send_at": NOON, **changes})


def claim_by(sender: str = "1", life: str = "first", at: datetime = NOON) -> Claim:
    return Claim(sender, life, at)


def decided(state: Any) -> Decision[Any]:
    return Decision(state)


def known_programme(**changes: Any) -> KnownProgramme:
    return KnownProgramme(**changes)


def known_contact(**changes: Any) -> KnownContact:
    said = {"role": ContactRole.MENTEE, "name": "Amina Yusuf", "email": "amina@mentees.example"}
    return KnownContact(**{**said, **changes})


def addressed(**changes: Any) -> Addressed:
    said = {
        "email": "amina@mentees.example",
        "name": "Amina Yusuf",
        "locale": "en",
        "programme_name": "Mentor Network",
        "city_name": "Odense",
        "answer_days": 7,
        "dated": NOON,
    }
    return Addressed(**{**said, **changes})


def _is_to_coordinators(ask: Ask) -> bool:
    return isinstance(ask.recipient, CoordinatorsOf)

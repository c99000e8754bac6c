"""What this service knows of others, from their events: just what messages need.

Each class is the home of one stream's subjects. `knows` tells whether an event repeats what is
known already, as it does when a service sends its state again: then nobody is written to again.
"""

from dataclasses import dataclass, replace
from typing import Final

from services.notifications.domain.quiet_hours import (
    DEFAULT_QUIET_HOURS,
    DEFAULT_ZONE,
    QuietHours,
)
from shared.events import care, check_ins, contacts, matches, participants, pool, programmes
from shared.events.check_ins import CheckInStatus
from shared.events.contacts import ContactRole
from shared.events.matches import MatchStatus
from shared.events.participants import ParticipantStatus, Role
from shared.events.payload import Payload
from shared.events.wire import Event

_CARE_REMEMBERED: Final = 50


@dataclass(frozen=True, slots=True)
class KnownContact:
    """How to reach a person: the only place of this service where it is kept. Empty if erased."""

    role: ContactRole | None = None
    name: str = ""
    email: str = ""
    locale: str = "en"
    time_zone: str = DEFAULT_ZONE
    erased: bool = False
    reminders: bool = True

    def knows(self, _: Payload) -> bool:
        """A contact repeats nothing: each request for a link is one of its own."""
        return False

    @classmethod
    def after(cls, before: "KnownContact | None", event: Event[Payload]) -> "KnownContact | None":
        """The contact after this event; erasing it leaves only that it was erased."""
        payload = event.payload
        if before is not None and before.erased and not _is_of_a_coordinator(payload):
            return before
        match payload:
            case contacts.ContactErased():
                return cls(erased=True)
            case contacts.ContactState():
                return cls(
                    role=payload.role,
                    name=payload.name,
                    email=payload.email,
                    locale=payload.locale,
                    time_zone=payload.time_zone,
                    reminders=payload.reminders,
                )
        return before


def _is_of_a_coordinator(payload: Payload) -> bool:
    """A coordinator's id may be given again; a participant's, once erased, never."""
    return isinstance(payload, contacts.ContactState) and payload.role is ContactRole.COORDINATOR


@dataclass(frozen=True, slots=True)
class KnownParticipant:
    """Where a participant stands, and the event (its sequence) that said so."""

    status: ParticipantStatus
    sequence: int = 0

    def knows(self, payload: Payload) -> bool:
        """Whether she stood there already."""
        return isinstance(payload, participants.ParticipantState) and payload.status is self.status

    @classmethod
    def after(
        cls, before: "KnownParticipant | None", event: Event[Payload]
    ) -> "KnownParticipant | None":
        """The status after this event."""
        payload = event.payload
        if before is not None and before.status is ParticipantStatus.ERASED:
            return before
        match payload:
            case participants.ParticipantErased():
                return cls(ParticipantStatus.ERASED, event.sequence)
            case participants.ParticipantState():
                return cls(payload.status, event.sequence)
        return before


@dataclass(frozen=True, slots=True)
class KnownCoordinator:
    """A coordinator's cities (codes) and who stands in for her."""

    coordinator_id: str
    cities: tuple[str, ...]
    deputy: str | None = None


@dataclass(frozen=True, slots=True)
class KnownCity:
    """A municipality's code and name."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class KnownProgramme:
    """What messages need of a programme. Its defaults are used until it is known."""

    name: str = "Common Ground"
    quiet: QuietHours = DEFAULT_QUIET_HOURS
    mentee_answer_days: int = 7
    mentor_answer_days: int = 7
    cities: tuple[KnownCity, ...] = ()
    coordinators: tuple[KnownCoordinator, ...] = ()
    keep_messages_days: int = 365

    def knows(self, _: Payload) -> bool:
        """Nobody is written to because of a programme."""
        return False

    def city_name(self, code: str | None) -> str:
        """The city's name, or its code if the programme does not list it."""
        return next((city.name for city in self.cities if city.code == code), code or "")

    def coordinators_of(self, city: str | None, *, deputies: bool) -> tuple[str, ...]:
        """Who is told about this city. A city without a coordinator goes to all of the programme.

        With `deputies` those who stand in for its coordinators, or, if none is named, the same again.
        """
        responsible = [one for one in self.coordinators if city in one.cities]
        chosen = responsible or list(self.coordinators)
        stand_ins = [one.deputy for one in chosen if one.deputy is not None]
        if deputies and stand_ins:
            return tuple(dict.fromkeys(stand_ins))
        return tuple(dict.fromkeys(one.coordinator_id for one in chosen))

    @classmethod
    def after(
        cls, before: "KnownProgramme | None", event: Event[Payload]
    ) -> "KnownProgramme | None":
        """The programme after this event."""
        payload = event.payload
        if not isinstance(payload, programmes.ProgrammeChanged):
            return before
        policy = payload.policy
        return cls(
            name=payload.name,
            quiet=QuietHours(policy.quiet_from_hour, policy.quiet_until_hour),
            mentee_answer_days=policy.mentee_answer_days,
            mentor_answer_days=policy.mentor_answer_days,
            keep_messages_days=policy.keep_messages_days,
            cities=tuple(KnownCity(city.code, city.name) for city in payload.cities),
            coordinators=tuple(
                KnownCoordinator(one.coordinator_id, one.cities, one.deputy)
                for one in payload.coordinators
            ),
        )


@dataclass(frozen=True, slots=True)
class KnownMatch:
    """Where a match stands, and who has been reminded."""

    status: MatchStatus
    sequence: int = 0
    reminded: tuple[Role, ...] = ()

    def knows(self, payload: Payload) -> bool:
        """Whether it stood there already, or that side has been reminded already."""
        if isinstance(payload, matches.MatchQuestionAsked):
            return False  # Each question is one of its own.
        if isinstance(payload, matches.MatchReminderDue):
            return payload.remind in self.reminded
        return isinstance(payload, matches.MatchState) and payload.status is self.status

    @classmethod
    def after(cls, before: "KnownMatch | None", event: Event[Payload]) -> "KnownMatch | None":
        """The match after this event."""
        payload = event.payload
        if not isinstance(payload, matches.MatchState):
            return before
        reminded = () if before is None else before.reminded
        if isinstance(payload, matches.MatchReminderDue) and payload.remind not in reminded:
            reminded = (*reminded, payload.remind)
        return cls(payload.status, event.sequence, reminded)


@dataclass(frozen=True, slots=True)
class KnownWaiting:
    """That somebody waits; nothing of it is needed later."""

    notes: int = 0

    def knows(self, _: Payload) -> bool:
        """Each note is news."""
        return False

    @classmethod
    def after(cls, before: "KnownWaiting | None", event: Event[Payload]) -> "KnownWaiting":
        """One note more, if it was one."""
        payload = event.payload
        notes = 0 if before is None else before.notes
        return cls(notes + isinstance(payload, pool.StillWaiting))


@dataclass(frozen=True, slots=True)
class KnownCheckIns:
    """The newest check-in of a mentorship, and whether the mentorship is over."""

    number: int = 0
    sequence: int = 0
    status: CheckInStatus = CheckInStatus.SCHEDULED
    answered_by: tuple[Role, ...] = ()
    closed: bool = False

    def knows(self, payload: Payload) -> bool:
        """Whether the check-in stood there already. Reminders are news: there are several."""
        match payload:
            case check_ins.CheckInReminderDue():
                return False
            case check_ins.CheckInState():
                return (payload.number, payload.status) == (self.number, self.status)
            case check_ins.MentorshipClosed():
                return self.closed
        return False

    @classmethod
    def after(cls, before: "KnownCheckIns | None", event: Event[Payload]) -> "KnownCheckIns":
        """What is known after this event. An older check-in does not overwrite a newer one."""
        payload = event.payload
        known = before or cls()
        match payload:
            case check_ins.MentorshipClosed():
                return replace(known, closed=True, sequence=event.sequence)
            case check_ins.CheckInState() if payload.number >= known.number:
                return replace(
                    known,
                    number=payload.number,
                    sequence=event.sequence,
                    status=payload.status,
                    answered_by=payload.answered_by,
                )
        return known


@dataclass(frozen=True, slots=True)
class KnownCare:
    """What coordinators have been told about a mentorship, and which requests are handled."""

    told: tuple[str, ...] = ()
    handled: tuple[str, ...] = ()

    def knows(self, payload: Payload) -> bool:
        """Whether the coordinators have been told of just this."""
        return _care_key(payload) in self.told

    @classmethod
    def after(cls, before: "KnownCare | None", event: Event[Payload]) -> "KnownCare":
        """What is known after this event; only the newest are remembered."""
        payload = event.payload
        known = before or cls()
        if isinstance(payload, care.HelpHandled):
            handled = (*known.handled, payload.help_id)[-_CARE_REMEMBERED:]
            return replace(known, handled=handled)
        if known.knows(payload):
            return known
        return replace(known, told=(*known.told, _care_key(payload))[-_CARE_REMEMBERED:])


def _care_key(payload: Payload) -> str:
    match payload:
        case care.HelpRequested(help_id=help_id, to_deputy=to_deputy):
            return f"help:{help_id}:{'deputy' if to_deputy else 'coordinator'}"
        case care.CheckInEscalated(number=number):
            return f"escalated:{number}"
        case care.ViewsDiverged(number=number):
            return f"diverged:{number}"
    return payload.wire_name


Known = (
    KnownContact
    | KnownParticipant
    | KnownProgramme
    | KnownMatch
    | KnownWaiting
    | KnownCheckIns
    | KnownCare
)

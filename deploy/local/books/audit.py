"""Puts the books together: everything in the report that comes from stores and topics."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from deploy.local.books.effects import check_effects, message_counts
from deploy.local.books.records import Topics, read_topics
from deploy.local.books.sequences import Findings, check_sequences, discarded, parked
from deploy.local.books.stores import Stores, read_stores
from deploy.local.books.violations import Span, find_violations, spans
from deploy.local.mailbox import StoredMessage
from shared.events import check_ins, matches
from shared.events.care import CheckInEscalated
from shared.events.contacts import ContactState
from shared.events.dead_letters import RecordDiscarded, RecordParked, RecordReleased
from shared.events.participants import (
    ParticipantErased,
    ParticipantRegistered,
    ParticipantState,
    ParticipantStatus,
    Role,
)
from shared.events.payload import Payload
from shared.events.pool import StillWaiting
from shared.events.programmes import ProgrammeChanged
from shared.events.streams import CONTACTS, PARTICIPANTS

_MATCHES: Final[dict[str, type[Payload]]] = {
    "proposed": matches.MatchProposed,
    "mentee_accepted": matches.MatchMenteeAccepted,
    "accepted": matches.MatchAccepted,
    "declined": matches.MatchDeclined,
    "expired": matches.MatchExpired,
    "withdrawn": matches.MatchWithdrawn,
    "ended": matches.MatchEnded,
}
CHECK_IN_KINDS: Final[dict[str, type[Payload]]] = {
    "due": check_ins.CheckInDue,
    "completed": check_ins.CheckInCompleted,
    "overdue": check_ins.CheckInOverdue,
    "escalated": CheckInEscalated,
}


@dataclass(frozen=True, slots=True)
class Books:
    """What was read, and what does not add up."""

    topics: Topics
    stores: Stores
    mails: tuple[StoredMessage, ...]
    findings: Findings
    now: datetime

    @property
    def spans(self) -> list[Span]:
        """All matches in the order in which they were opened."""
        return spans(self.topics)

    @property
    def people(self) -> dict[str, ParticipantState]:
        """Everybody's newest state by id; the erased are not in here."""
        newest: dict[str, ParticipantState] = {}
        for event in self.topics.of(PARTICIPANTS):
            if isinstance(event.payload, ParticipantErased):
                newest.pop(event.subject, None)
            else:
                newest[event.subject] = event.payload
        return newest

    @property
    def addresses(self) -> dict[str, tuple[str, str]]:
        """Role and e-mail address by participant id: what joins a pair to the records of a file.

        From the first contact that was known, so that people who were erased later are in it too.
        """
        found: dict[str, tuple[str, str]] = {}
        for event in self.topics.of(CONTACTS):
            if isinstance(event.payload, ContactState):
                contact = event.payload
                found.setdefault(event.subject, (contact.role.value, contact.email))
        return found

    def waiting(self) -> tuple[list[str], list[str]]:
        """Mentees who can be matched and have no open match; and those of them without a reason.

        A reason is a `participant.still_waiting`, due once somebody has waited for as long as the
        policy says, and the next round after that has been.
        """
        busy = {span.match.mentee_id for span in self.spans if span.closed is None}
        told = {event.subject for event in self.topics.of_type(StillWaiting)}
        waiting = [
            state
            for state in self.people.values()
            if state.role is Role.MENTEE
            and state.status is ParticipantStatus.ACTIVE
            and state.participant_id not in busy
        ]
        patience = self._patience()
        last_freed = self._last_freed()
        silent = [
            state.participant_id
            for state in waiting
            if state.participant_id not in told
            and self.now - self._waiting_since(state, last_freed) > patience
        ]
        return [state.participant_id for state in waiting], silent

    def _waiting_since(self, state: ParticipantState, last_freed: dict[str, datetime]) -> datetime:
        since = state.available_since or state.registered_at
        return max(since, last_freed.get(state.participant_id, since))

    def _last_freed(self) -> dict[str, datetime]:
        freed: dict[str, datetime] = {}
        for span in self.spans:
            if span.closed is not None:
                for who in (span.match.mentee_id, span.match.mentor_id):
                    freed[who] = max(span.closed, freed.get(who, span.closed))
        return freed

    def _patience(self) -> timedelta:
        policies = [event.payload.policy for event in self.topics.of_type(ProgrammeChanged)]
        days = max(
            (policy.waiting_note_after_days + policy.round_every_days for policy in policies),
            default=0,
        )
        return timedelta(days=days + 1)

    def _open_letters(self) -> int:
        settled = (RecordReleased, RecordDiscarded)
        written = len(self.topics.of_type(RecordParked))
        return written - sum(len(self.topics.of_type(kind)) for kind in settled)

    def report(self) -> dict[str, Any]:
        """The part of `report.json` that the books can vouch for."""
        registered = self.topics.of_type(ParticipantRegistered)
        roles = Counter(event.payload.role for event in registered)
        waiting, silent = self.waiting()
        accepted = {event.payload.mentee_id for event in self.topics.of_type(matches.MatchAccepted)}
        findings = self.findings
        return {
            "people": {
                "registered": len(registered),
                "mentees": roles[Role.MENTEE],
                "mentors": roles[Role.MENTOR],
            },
            "matches": {name: len(self.topics.of_type(kind)) for name, kind in _MATCHES.items()},
            "mentees": {
                "placed": len(accepted),
                "waiting": len(waiting),
                "waiting_without_reason": len(silent),
            },
            "check_ins": {
                name: len(self.topics.of_type(kind)) for name, kind in CHECK_IN_KINDS.items()
            },
            "messages": dict(message_counts(self.stores, self.mails)),
            "events": {
                "published": self.topics.published,
                "journaled": len(self.stores.journal),
                "duplicates_dropped": self.topics.repeats,
                "parked": parked(self.stores) + self._open_letters(),
                "discarded": discarded(self.stores),
                "lost": len(findings.lost),
                "doubled": len(findings.doubled),
            },
            "violations": find_violations(self.topics, self.stores),
            "does_not_add_up": [*findings.lost, *findings.doubled][:50],
        }


async def audit(
    admin_url: str, kafka: Sequence[str], mails: Sequence[StoredMessage], now: datetime
) -> Books:
    """Reads everything and compares. `now` is domain time; nothing may be on its way any more."""
    topics = await read_topics(kafka)
    stores = await read_stores(admin_url)
    findings = check_sequences(topics, stores)
    findings.add(check_effects(topics, stores, mails))
    if topics.unreadable:
        findings.lost.append(f"{topics.unreadable} records in the topics cannot be read")
    return Books(topics, stores, tuple(mails), findings, now)

"""The second way to find what was lost or doubled: effects against causes, by a small table of our own.

Independent of the sequences, and of the services' own rules: what the domain notes promise, said again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from deploy.local.books.records import Topics
from deploy.local.books.sequences import Findings
from deploy.local.books.stores import Stores
from deploy.local.mailbox import StoredMessage
from shared.events.check_ins import (
    CheckInCompleted,
    CheckInDue,
    CheckInOverdue,
    CheckInReminderDue,
    MentorshipClosed,
)
from shared.events.matches import (
    MatchAccepted,
    MatchEnded,
    MatchMenteeAccepted,
    MatchProposed,
)
from shared.events.participants import (
    ParticipantRegistered,
    ParticipantStatus,
    ParticipantWithdrawn,
)
from shared.events.payload import Payload
from shared.events.pool import StillWaiting

Recipients = Callable[[Any], Iterable[str]]


def _both(payload: Any) -> Iterable[str]:
    return payload.mentee_id, payload.mentor_id


def _sides(field: str) -> Recipients:
    return lambda payload: [getattr(payload, f"{side}_id") for side in getattr(payload, field)]


_ASKED: Final[dict[type[Payload], tuple[str, Recipients]]] = {
    MatchProposed: ("proposal_to_mentee", lambda payload: [payload.mentee_id]),
    MatchMenteeAccepted: ("proposal_to_mentor", lambda payload: [payload.mentor_id]),
    MatchAccepted: ("match_accepted", _both),
    CheckInDue: ("check_in", _both),
    CheckInReminderDue: ("check_in_reminder", _sides("remind")),
    CheckInOverdue: ("check_in_overdue", _sides("missing")),
    MentorshipClosed: ("closure", _both),
    StillWaiting: ("still_waiting", lambda payload: [payload.participant_id]),
    ParticipantWithdrawn: ("farewell", lambda payload: [payload.participant_id]),
}
"""For these events each recipient must have exactly one message of that kind."""


def check_effects(topics: Topics, stores: Stores, mails: Iterable[StoredMessage]) -> Findings:
    """Compares what happened with what it should have led to."""
    findings = Findings()
    _one_each(
        "mentorship for an accepted match",
        (event.subject for event in topics.of_type(MatchAccepted)),
        (
            document["_id"]
            for document in stores.of("followup", "mentorships")
            if document.get("state")
        ),
        findings,
    )
    _one_each(
        "match.ended for a closed mentorship",
        (event.subject for event in topics.of_type(MentorshipClosed)),
        (event.subject for event in topics.of_type(MatchEnded)),
        findings,
    )
    _one_each(
        "participant.registered for a participant",
        (
            document["_id"]
            for document in stores.of("intake", "participants")
            if (document.get("state") or {}).get("status") != "registering"
        ),
        (event.subject for event in topics.of_type(ParticipantRegistered)),
        findings,
    )
    for payload in (CheckInDue, CheckInOverdue, CheckInCompleted):
        numbers = Counter((e.subject, e.payload.number) for e in topics.of_type(payload))
        findings.doubled += [
            f"{payload.wire_name} of {match_id} number {number} happened {count} times"
            for (match_id, number), count in numbers.items()
            if count > 1
        ]
    _check_messages(topics, stores, findings)
    _check_mails(stores, mails, findings)
    return findings


def _one_each(what: str, causes: Iterable[str], effects: Iterable[str], findings: Findings) -> None:
    wanted, found = Counter(causes), Counter(effects)
    for cause in wanted:
        if not found[cause]:
            findings.lost.append(f"no {what}: {cause}")
    for effect, count in found.items():
        if count > 1 or effect not in wanted:
            findings.doubled.append(f"{count} × {what}: {effect}")


def _check_messages(topics: Topics, stores: Stores, findings: Findings) -> None:
    """One message document for each event and recipient that should have one; never one without."""
    wanted: list[str] = []
    for payload, (kind, recipients) in _ASKED.items():
        for event in topics.of_type(payload):
            wanted += [f"{event.id}|{recipient}|{kind}" for recipient in recipients(event.payload)]
    welcomed = (ParticipantStatus.ACTIVE,)
    wanted += [
        f"{event.id}|{event.subject}|welcome"
        for event in topics.of_type(ParticipantRegistered)
        if event.payload.status in welcomed
    ]
    kinds = {kind for kind, _ in _ASKED.values()}
    registered = {event.id for event in topics.of_type(ParticipantRegistered)}
    claims = [
        (str(document["_id"]), document["_id"].rpartition("|")[2])
        for document in stores.of("notifications", "messages")
        if document.get("state")
    ]
    found = [
        claim
        for claim, kind in claims
        if kind in kinds or (kind == "welcome" and claim.partition("|")[0] in registered)
    ]
    _one_each("message", wanted, found, findings)


def _check_mails(stores: Stores, mails: Iterable[StoredMessage], findings: Findings) -> None:
    """Each sent message is in the mailbox under one Message-ID, and nothing else is.

    A reminder that was in mid-send when its sender died is not sent again, so it may be missing.
    """
    sent = [
        document["state"]
        for document in stores.of("notifications", "messages")
        if (document.get("state") or {}).get("stage") == "sent"
    ]
    certain = sum(not state.get("assumed") for state in sent)
    arrived = len({mail.message_id for mail in mails})
    if arrived < certain:
        findings.lost.append(f"{certain} messages are marked as sent, {arrived} mails have arrived")
    if arrived > len(sent):
        findings.doubled.append(f"{len(sent)} messages are marked as sent, {arrived} have arrived")


def message_counts(stores: Stores, mails: Iterable[StoredMessage]) -> Mapping[str, int]:
    """`messages` of the report: `resent` are mails that came again with the same Message-ID."""
    states = [
        document["state"]
        for document in stores.of("notifications", "messages")
        if document.get("state")
    ]
    kept = list(mails)
    return {
        "sent": sum(state["stage"] == "sent" for state in states),
        "failed": sum(state["stage"] == "failed" for state in states),
        "resent": len(kept) - len({(mail.message_id, mail.to) for mail in kept}),
        "doubled": max(
            0,
            len({mail.message_id for mail in kept})
            - sum(state["stage"] == "sent" for state in states),
        ),
    }

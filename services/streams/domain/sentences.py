"""Each event in a plain English sentence, for operators. Ids and codes only: there is nothing else."""

from collections.abc import Mapping
from typing import Any, Final

from services.streams.domain.entries import Entry, short_name

SENTENCES: Final[Mapping[str, str]] = {
    "participant.registered": "Registered as a {role}; she is {status}.",
    "participant.confirmed": "Confirmed her address; she is {status}.",
    "participant.screened": "A coordinator talked with her; she is {status}.",
    "participant.updated": "Her profile changed.",
    "participant.paused": "Takes a break ({reason}).",
    "participant.resumed": "Is back from a break.",
    "participant.withdrawn": "Left the programme.",
    "participant.erased": "Everything about her was erased.",
    "programme.changed": "The programme {name} changed.",
    "match.held": "Mentee {mentee_id} and mentor {mentor_id} fit with {score} points; "
    "a coordinator looks at it first.",
    "match.approved": "A coordinator approved the match of mentee {mentee_id} and mentor {mentor_id}.",
    "match.proposed": "Mentor {mentor_id} was proposed to mentee {mentee_id}, with {score} points.",
    "match.mentee_accepted": "The mentee {mentee_id} said yes; now the mentor {mentor_id} is asked.",
    "match.accepted": "Both said yes: the mentorship of {mentee_id} and {mentor_id} begins.",
    "match.declined": "The {declined_by} said no ({reason}).",
    "match.expired": "The {unanswered_by} did not answer in time.",
    "match.withdrawn": "The match was taken back ({reason}).",
    "match.reminder_due": "The {remind} is to be reminded of the proposal.",
    "match.question_asked": "The {asked_by} has a question about the proposal.",
    "match.question_answered": "A coordinator has answered the {asked_by}'s question.",
    "match.ended": "The mentorship ended; both are free again.",
    "participant.still_waiting": "Still waits for a match ({reason}); what helps: {what_helps}.",
    "recruitment.gap": "{waiting} people wait; one more mentor would place {would_place}.",
    "check_in.due": "Check-in {number} is due, {day} days after the beginning.",
    "check_in.reminder_due": "To be reminded of check-in {number}: {remind}.",
    "check_in.completed": "Both answered check-in {number}.",
    "check_in.overdue": "Check-in {number} is overdue; not answered by: {missing}.",
    "agreement.changed": "Agreed to meet every {every_weeks} weeks until {until}; affirmed by: {affirmed_by}.",
    "mentorship.rated": "The {rated_by} rates the match {good_match} of 5, the way to the goals "
    "{closer_to_goals} of 5.",
    "mentorship.closed": "The mentorship closed ({reason}), with {check_ins_completed} check-ins done.",
    "help.requested": "The {asked_by} asked for help.",
    "help.handled": "A coordinator took care of a request for help.",
    "check_in.escalated": "Check-in {number} went to the coordinator; not answered by: {missing}.",
    "views.diverged": "The two sides' answers to check-in {number} drift apart.",
    "export.ready": "A copy of all her data can be fetched until {until}.",
    "erasure.finished": "All services have forgotten her; {records} records were erased.",
    "message.sent": "A message went out to {recipient_id}: {kind}.",
    "message.failed": "A message to {recipient_id} could not be sent: {kind} ({reason}).",
    "message.bounced": "A message to {recipient_id} came back: {kind}.",
    "export.requested": "Asked for all data about her.",
    "erasure.requested": "Asked to be forgotten.",
    "export.done": "The service {service} has its part of the export ready ({records} records).",
    "erasure.done": "The service {service} has forgotten her ({records} records).",
    "record.parked": "{consumer} set a record of {topic} aside ({reason}): {why}",
    "record.released": "{consumer} has handled what it had set aside of {topic}.",
    "record.discarded": "{by} gave up a record of {topic} that {consumer} had set aside ({reason}).",
}
"""By short name of the event. A test sees that every event of the contract has one that it can fill."""

_UNKNOWN: Final = "(no longer known)"


def sentence(entry: Entry) -> str:
    """What happened. What erasure took is said to be no longer known."""
    name = short_name(entry.type)
    template = SENTENCES.get(name)
    return template.format_map(_Values(entry.payload)) if template else f"{name}."


class _Values(dict[str, Any]):
    """A payload's fields as words."""

    def __getitem__(self, field: str) -> str:
        if field not in self:
            return _UNKNOWN
        value = super().__getitem__(field)
        listed = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        return listed.replace("_", " ") if not field.endswith("_id") else listed

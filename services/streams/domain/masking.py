"""Which fields of an event an operator sees without asking. Pure.

What must stay true: deny first. A field that is not named here is masked, also one that a later version of
the contract adds: what somebody told about herself is nobody's business who only looks whether events move.
"""

from collections.abc import Mapping
from typing import Any, Final

MASKED: Final = "(masked)"

_SHOWN: Final = frozenset(
    {
        # Who and what it is about: opaque ids.
        "participant_id", "mentee_id", "mentor_id", "match_id", "recipient_id", "message_id",
        "help_id", "request_id", "round_id", "coordinator_id", "letter_id", "because_of",
        "programme", "city", "role", "service",
        # Where it stands.
        "status", "number", "day", "asked_by", "answered_by", "declined_by", "unanswered_by",
        "unanswered_in_a_row", "remind", "missing", "asked", "late", "early", "to_deputy", "kind",
        "check_in_number", "check_ins_completed", "attempts", "score", "online", "seats",
        "match_again", "records",
        # When.
        "registered_at", "available_since", "waiting_since", "proposed_at", "asked_at", "answer_by",
        "accepted_at", "due_at", "started_at", "closed_at", "sent_at", "requested_at", "parked_at",
        "time_zone", "charter_version",
        # Why, where it is one of a few words of the software's own.
        "what_helps", "mentors_in_reach", "waiting", "would_place",
        # Records that were set aside: where they lie and who gave them up.
        "consumer", "topic", "partition", "offset", "why", "by", "reference", "first_sequence",
        "last_sequence",
    }
)  # fmt: skip
_REASONS_SHOWN: Final = frozenset(
    {"message.failed", "participant.paused", "participant.still_waiting", "match.withdrawn",
     "record.parked", "record.discarded"}
)  # fmt: skip
"""Events whose `reason` is the software's; elsewhere it is what somebody said when she was asked."""
_PUBLIC: Final = frozenset({"programme.changed", "recruitment.gap"})
"""Events that are about nobody."""


def masked(name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data with what must not be seen replaced. name: the event's short name."""
    if name in _PUBLIC:
        return dict(payload)
    return {field: value if _is_shown(name, field) else MASKED for field, value in payload.items()}


def has_masked(name: str, payload: Mapping[str, Any]) -> bool:
    """Whether there is anything that a reason could show."""
    return name not in _PUBLIC and any(not _is_shown(name, field) for field in payload)


def _is_shown(name: str, field: str) -> bool:
    return field in _SHOWN or (field == "reason" and name in _REASONS_SHOWN)

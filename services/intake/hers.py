"""What intake holds about one person, as she may see it."""

from dataclasses import asdict
from typing import Any

from services.intake.domain.participant import Participant, Person
from shared.events.wire import rfc3339


def hers(state: Participant, person: Person) -> dict[str, Any]:
    """What she sees of herself. From whom she is kept apart, and who asked, nobody is told."""
    return {
        "participant_id": state.participant_id,
        "programme": state.programme,
        "status": state.status.value,
        "role": person.role.value,
        "edition": person.edition,
        "charters": [affirmation.version for affirmation in person.charters],
        "contact": asdict(person.contact),
        "profile": asdict(person.profile),
        **asdict(person.words),
    }


def everything(state: Participant, person: Person) -> dict[str, Any]:
    """All that intake holds about her; instants as RFC 3339. Others' wishes are theirs, not hers."""
    instants = {
        name: rfc3339(value) if (value := getattr(person, name)) else None
        for name in (
            "registered_at",
            "confirmed_at",
            "screened_at",
            "available_since",
            "link_requested_at",
            "left_at",
        )
    }
    return {
        **hers(state, person),
        **instants,
        "origin": person.origin.value,
        "paused_for": person.paused_for.value if person.paused_for else None,
        "charters": [
            {"version": affirmation.version, "at": rfc3339(affirmation.at)}
            for affirmation in person.charters
        ],
        "notes_of_coordinators": [
            {"at": rfc3339(note.at), "text": note.text} for note in person.notes
        ],
        "not_with": {
            "people": len(person.hashes.not_with),
            "kept_as": "keyed hashes of the e-mail addresses you named",
        },
    }

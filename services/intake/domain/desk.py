"""What coordinators leave behind: notes about somebody, and who looked at whose contact data. Pure.

Notes are about her, so they are hers: in her document, exported and forgotten with her. That somebody
looked is the programme's: it holds ids only, and is never changed or removed.
"""

import base64
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from io import BytesIO
from typing import ClassVar, Final

from services.intake.domain.participant import Note, Participant
from services.intake.domain.refusals import Forgotten, NobodyHere
from shared.decisions import Decision, Refusal, RefusalKind

MOST_NOTES: Final = 200
LONGEST_NOTE: Final = 4_000


@dataclass(frozen=True, slots=True)
class NoteRefused(Refusal):
    """There is nothing in it, or too much."""

    kind: ClassVar[RefusalKind] = RefusalKind.INVALID
    detail: str = f"Write a note of at most {LONGEST_NOTE} characters."


def write_note(
    state: Participant | None, note_id: str, by: str, text: str, now: datetime
) -> Decision[Participant] | Refusal | None:
    """A coordinator notes something about her. No service is told; the same note twice is one."""
    if state is None:
        return NobodyHere()
    if state.person is None:
        return Forgotten()
    written = text.strip()
    if not 0 < len(written) <= LONGEST_NOTE:
        return NoteRefused()
    kept = state.person.notes
    if any(note.note_id == note_id for note in kept):
        return None
    note = Note(note_id, by, now, written)
    person = replace(state.person, notes=(*kept, note)[-MOST_NOTES:])
    return Decision(replace(state, person=person))


class Seen(StrEnum):
    """What of her contact data was shown."""

    NAME = "name"
    ADDRESS = "address"


class Why(StrEnum):
    """What a coordinator needed an address or a telephone number for."""

    CHECK_IN = "check_in"
    HELP = "help"
    SCREENING = "screening"
    PROPOSAL = "proposal"
    UNREACHED = "unreached"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Look:
    """That somebody was shown contact data: of whom, which, where and why. Ids only."""

    look_id: str
    programme: str
    by: str
    role: str
    people: tuple[str, ...]
    seen: Seen
    where: str
    why: Why | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """A spreadsheet that was looked at before it is brought in.

    content: the file in base64; empty once everybody in it was brought in. made_at: machine time.
    """

    draft_id: str
    programme: str
    by: str
    filename: str
    content: str
    made_at: datetime

    def file(self) -> BytesIO:
        """The file, to be read."""
        return BytesIO(base64.b64decode(self.content))

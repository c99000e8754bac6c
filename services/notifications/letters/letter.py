"""The parts of a letter, and what the functions that write one are given."""

from dataclasses import dataclass
from typing import TypeAlias

from services.notifications.domain.message import Addressed, Content
from services.notifications.letters.say import Phrase, Say


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of short lines."""

    lines: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Button:
    """A link that asks for something to be done."""

    label: Phrase
    url: str


Block: TypeAlias = Phrase | Bullets | Button


@dataclass(frozen=True, slots=True)
class Letter:
    """Subject and blocks; greeting, signature and the link to her page are the frame's."""

    subject: Phrase
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the links of one letter lead. `action` is what the letter asks for, if anything.

    stop_reminders: in reminders only.
    """

    my_page: str
    overview: str
    action: str = ""
    stop_reminders: str = ""


@dataclass(frozen=True, slots=True)
class Writing:
    """All that a letter is made of."""

    say: Say
    content: Content
    addressed: Addressed
    urls: Urls
    number: int = 0
    match_id: str = ""

    @property
    def programme(self) -> str:
        """The programme's name."""
        return self.addressed.programme_name

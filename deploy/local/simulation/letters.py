"""Mail as a person reads it: the words, and where its links lead. Only the text part is read."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from itsdangerous import URLSafeSerializer

from deploy.local.mailbox import StoredMessage
from deploy.local.simulation.chance import name_of

MY_PAGE: Final = "me"

_LINK: Final = re.compile(r"https?://[^\s<>\"]+")
_ID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@dataclass(frozen=True, slots=True)
class Thing:
    """What a link is about, so that a reminder is not taken for a new question.

    A reader sees that from the words; the simulation from the link, which anybody may read though
    nobody can forge it. Nothing is ever decided by these ids.
    """

    page: str
    participant_id: str
    match_id: str | None
    number: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """A link of ours in a message. page: the last part of its path, `answer` or `me` for instance."""

    url: str
    page: str
    thing: Thing | None


@dataclass(frozen=True, slots=True)
class Letter:
    """One message. words: a name for its text without links, the same on every run."""

    to: str
    arrived_at: datetime
    words: str
    links: tuple[Link, ...]
    ids: tuple[str, ...]

    def link_to(self, page: str) -> Link | None:
        """The first link that leads to this page."""
        return next((link for link in self.links if link.page == page), None)

    @property
    def invites_to_her_page(self) -> bool:
        """Every message has the link below; one that invites there has it twice."""
        return sum(link.page == MY_PAGE for link in self.links) > 1


def read_letter(message: StoredMessage) -> Letter:
    """A message of the mailbox as a letter."""
    links = tuple(_link(url) for url in _LINK.findall(message.text))
    words = _LINK.sub("", message.text)
    return Letter(
        to=message.to.casefold(),
        arrived_at=message.arrived_at,
        words=name_of(message.subject, words),
        links=links,
        ids=tuple(dict.fromkeys(_ID.findall(words))),
    )


def _link(url: str) -> Link:
    parts = urlsplit(url)
    page = parts.path.rpartition("/")[2]
    token = parse_qs(parts.query).get("token", [""])[0]
    return Link(url, page, thing_of(page, token))


def thing_of(page: str, token: str) -> Thing | None:
    """What the token of a link to a page is about; None if it is none of ours."""
    _, claims = URLSafeSerializer("").loads_unsafe(token)
    match claims:
        case [str() as participant_id, _, match_id, number, _]:
            return Thing(page, participant_id, _text(match_id), _number(number))
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None

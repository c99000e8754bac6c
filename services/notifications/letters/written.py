"""A message as an e-mail: the letter in its frame, as text and HTML, always the same for the same state.

Whatever could differ from one making to the next (Message-ID, Date, the boundary between the parts,
the links' expiry) is derived from the message's id or from the instant of its first claim.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifications.domain.message import Addressed, Message
from services.notifications.letters import coordination, matching, mentorship, participation
from services.notifications.letters.letter import Letter, Urls, Writing
from services.notifications.letters.mail import Headers, Mail, mail
from services.notifications.letters.returns import returns_to
from services.notifications.letters.say import Phrase, Say, name_for_letter
from shared.errors import CommonGroundError
from shared.events.messages import MessageKind
from shared.security.links import Links, Purpose
from shared.web.languages import LOCALES, direction, with_shared_words

HERE: Final = Path(__file__).parents[1]
CATALOGUES: Final = HERE / "catalogues"
DEFAULT_LOCALE: Final = "en"
LINK_VALID_FOR: Final = timedelta(days=participation.CONFIRM_WITHIN_DAYS)
CHECK_IN_VALID_FOR: Final = timedelta(days=60)
"""An overdue check-in may still be answered: its link outlives the grace and the escalation."""

STOP_VALID_FOR: Final = timedelta(days=365)
"""Whoever finds an old reminder can still say that she wants no more of them."""

_PARTS: Final = re.compile(
    r"""[^\s\x00-\x1f\x7f@<>()\[\]\\,;:"]+@[^\s\x00-\x1f\x7f@<>()\[\]\\,;:"]+"""
)

LETTERS: Final[Mapping[MessageKind, Callable[[Writing], Letter]]] = MappingProxyType(
    {
        MessageKind.CONFIRM_ADDRESS: participation.confirm_address,
        MessageKind.WELCOME: participation.welcome,
        MessageKind.YOUR_LINK: participation.your_link,
        MessageKind.STILL_WAITING: participation.still_waiting,
        MessageKind.PAUSED: participation.paused,
        MessageKind.FAREWELL: participation.farewell,
        MessageKind.PROPOSAL_TO_MENTEE: matching.proposal_to_mentee,
        MessageKind.PROPOSAL_TO_MENTOR: matching.proposal_to_mentor,
        MessageKind.PROPOSAL_REMINDER: matching.proposal_reminder,
        MessageKind.PROPOSAL_CLOSED: matching.proposal_closed,
        MessageKind.MATCH_ACCEPTED: matching.match_accepted,
        MessageKind.CHECK_IN: mentorship.check_in,
        MessageKind.CHECK_IN_REMINDER: mentorship.check_in_reminder,
        MessageKind.CHECK_IN_OVERDUE: mentorship.check_in_overdue,
        MessageKind.CLOSURE: mentorship.closure,
        MessageKind.REVIEW_WAITING: coordination.review_waiting,
        MessageKind.HELP_NEEDED: coordination.help_needed,
        MessageKind.CHECK_IN_ESCALATED: coordination.check_in_escalated,
        MessageKind.VIEWS_DIVERGED: coordination.views_diverged,
    }
)

ACTIONS: Final[Mapping[MessageKind, tuple[Purpose, str]]] = MappingProxyType(
    {
        MessageKind.CONFIRM_ADDRESS: (Purpose.CONFIRM, "confirm"),
        MessageKind.PROPOSAL_TO_MENTEE: (Purpose.ANSWER, "answer"),
        MessageKind.PROPOSAL_TO_MENTOR: (Purpose.ANSWER, "answer"),
        MessageKind.PROPOSAL_REMINDER: (Purpose.ANSWER, "answer"),
        MessageKind.CHECK_IN: (Purpose.CHECK_IN, "check-in"),
        MessageKind.CHECK_IN_REMINDER: (Purpose.CHECK_IN, "check-in"),
        MessageKind.CHECK_IN_OVERDUE: (Purpose.CHECK_IN, "check-in"),
    }
)
"""What the link in a message is for, and on which of intake's pages it is answered."""
FETCH: Final = (Purpose.EXPORT, "export")
"""Where a copy of her data is fetched; the token names the request where others name a match."""


class AddressUnusable(CommonGroundError):
    """No mail can be written to this address."""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who the messages are from, where their links lead, and what signs them."""

    address: str
    public_url: str
    link_secret: str


@dataclass(frozen=True, slots=True)
class _At:
    """A clock that stands at one instant, so that the same message carries the same links."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant


@lru_cache(maxsize=len(LOCALES))
def speaker(locale: str) -> Say:
    """Speaks the language; English for one that has no catalogue."""
    known = locale if locale in LOCALES else DEFAULT_LOCALE
    return Say(known, with_shared_words(CATALOGUES, known), right_to_left=direction(known) == "rtl")


def write(message: Message, addressed: Addressed, letterhead: Letterhead) -> Mail:
    """The e-mail for a claimed message. Raises `AddressUnusable`."""
    say = speaker(addressed.locale)
    letter, urls = write_letter(message, addressed, letterhead)
    frame = {
        "letter": letter,
        "locale": say.locale,
        "direction": direction(say.locale),
        "greeting": _greeting(say, addressed.name),
        "regards": say("Warm regards"),
        "programme": Phrase("{name}", {"name": addressed.programme_name}, say.right_to_left),
        "about_my_page": say(
            "Your page: change what you told us, take a break, ask for help, or leave."
        ),
        "my_page": "" if message.to_coordinator else urls.my_page,
        "about_reminders": say("No more reminders like this one"),
        "stop_reminders": urls.stop_reminders,
    }
    frames = _frames()
    headers = Headers(
        message_id=message_id_header(message.message_id, letterhead.address),
        dated=addressed.dated,
        sender=Address(addressed.programme_name, addr_spec=letterhead.address),
        to=_recipient(message.recipient_id, addressed),
        subject=letter.subject.plain,
        language=say.locale,
        unsubscribe=urls.stop_reminders,
        envelope_sender=returns_to(
            message.recipient_id, letterhead.address, letterhead.link_secret
        ),
    )
    text = frames.get_template("letter.txt").render(frame)
    html = frames.get_template("letter.html").render(frame)
    return mail(headers, text, html)


def write_letter(
    message: Message, addressed: Addressed, letterhead: Letterhead
) -> tuple[Letter, Urls]:
    """The letter and its links, without the frame."""
    if message.content is None:
        raise ValueError(f"message {message.message_id} is done and has no content any more")
    urls = _urls(message, addressed, letterhead)
    writing = Writing(
        say=speaker(addressed.locale),
        content=message.content,
        addressed=addressed,
        urls=urls,
        number=message.check_in_number or 0,
        match_id=message.match_id or "",
    )
    return LETTERS[message.kind](writing), urls


def _recipient(recipient_id: str, addressed: Addressed) -> Address:
    name = name_for_letter(addressed.name)
    user, _, domain = addressed.email.rpartition("@")
    # The library checks ASCII addresses itself, but refuses a local part in another script.
    is_international = not addressed.email.isascii() and _PARTS.fullmatch(addressed.email)
    try:
        if is_international:
            return Address(name, user, domain)
        return Address(name, addr_spec=addressed.email)
    except (ValueError, IndexError, MessageError) as error:
        # `from None`: the original error quotes the address.
        raise AddressUnusable(
            f"The address of {recipient_id!r} is not one ({type(error).__name__}); "
            "she or her coordinator can correct it."
        ) from None


def _urls(message: Message, addressed: Addressed, letterhead: Letterhead) -> Urls:
    links = Links(letterhead.link_secret, _At(addressed.dated))
    my_page = links.sign(
        Purpose.MY_PAGE,
        message.recipient_id,
        programme=message.programme,
        match_id=message.match_id,
        valid_for=LINK_VALID_FOR,
    )
    base = letterhead.public_url.rstrip("/")
    action = ""
    request = message.content.reference if message.content is not None else None
    is_data = message.kind is MessageKind.YOUR_LINK and request is not None
    if is_data or message.kind in ACTIONS:
        purpose, page = FETCH if is_data else ACTIONS[message.kind]
        token = links.sign(
            purpose,
            message.recipient_id,
            programme=message.programme,
            match_id=request if is_data else message.match_id,
            number=message.check_in_number,
            valid_for=CHECK_IN_VALID_FOR if purpose is Purpose.CHECK_IN else LINK_VALID_FOR,
        )
        action = f"{base}/intake/{page}?token={token}"
    stop = ""
    if message.kind.is_reminder:
        token = links.sign(
            Purpose.UNSUBSCRIBE,
            message.recipient_id,
            programme=message.programme,
            valid_for=STOP_VALID_FOR,
        )
        stop = f"{base}/intake/reminders?token={token}"
    return Urls(f"{base}/intake/me?token={my_page}", base, action, stop)


def _greeting(say: Say, name: str) -> Phrase:
    clean = name_for_letter(name)
    return say("Hello {name},", name=clean) if clean else say("Hello,")


def message_id_header(message_id: str, address: str) -> str:
    """The mail's Message-ID without its angle brackets: always the same for the same message."""
    digest = hashlib.sha256(message_id.encode()).hexdigest()[:32]
    return f"{digest}@{address.rpartition('@')[2]}"


@lru_cache(maxsize=1)
def _frames() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )

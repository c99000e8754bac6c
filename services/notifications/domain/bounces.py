"""What a mail server sends back when nobody takes a message (RFC 3464), as far as it matters here. Pure.

Anybody can send such a mail, so nothing of it is believed but what names a message of ours: the
address it came back to, which only we can make, or the Message-ID that it quotes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message as Mail
from email.utils import getaddresses
from typing import Final

_CAME_BACK_TO: Final = ("delivered-to", "x-original-to", "envelope-to", "to")
_STATUS: Final = re.compile(r"([245])\.\d{1,3}\.\d{1,3}")
_MESSAGE_ID: Final = re.compile(r"<([^<>\s]{1,200})>")


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a report says.

    came_back_to: the addresses it was sent to. message_ids: of the messages that it quotes, without
    angle brackets. status: the enhanced status code, as in 5.1.1. is_final: nobody will try again.
    """

    came_back_to: tuple[str, ...]
    message_ids: tuple[str, ...]
    status: str
    is_final: bool


def read_bounce(raw: bytes) -> Bounce | None:
    """What the report says; None if this is no delivery report."""
    mail = message_from_bytes(raw)
    is_report = mail.get_content_type() == "multipart/report"
    if not is_report or mail.get_param("report-type") not in ("delivery-status", None):
        return None
    fields = list(_of_recipients(mail))
    if not fields:
        return None
    status = next((found for one in fields if (found := _status(one))), "")
    actions = {str(one.get("action", "")).strip().lower() for one in fields}
    return Bounce(
        came_back_to=tuple(_addresses(mail)),
        message_ids=tuple(dict.fromkeys(_quoted(mail))),
        status=status,
        is_final="failed" in actions and not status.startswith(("2", "4")),
    )


def _of_recipients(mail: Mail) -> Iterator[Mail]:
    """The blocks of fields about recipients; the report's own block has no `Action`."""
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status" and part.is_multipart():
            yield from (
                block
                for block in part.get_payload()
                if isinstance(block, Mail) and "action" in block
            )


def _status(block: Mail) -> str:
    found = _STATUS.search(str(block.get("status", "")))
    return found.group() if found else ""


def _addresses(mail: Mail) -> Iterator[str]:
    for name in _CAME_BACK_TO:
        for _, address in getaddresses([str(value) for value in mail.get_all(name, [])]):
            if address:
                yield address


def _quoted(mail: Mail) -> Iterator[str]:
    """Message-IDs of what was returned, whole or only its headers."""
    for part in mail.walk():
        if part is mail:
            continue
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            headers = message_from_bytes(payload if isinstance(payload, bytes) else b"")
            yield from _MESSAGE_ID.findall(str(headers.get("message-id", "")))
        else:
            yield from _MESSAGE_ID.findall(str(part.get("message-id", "")))

"""What the local mail server keeps: one JSON line for each message and recipient.

`MailStore` is the writer (one process, the mail server), `Mailbox` reads the same file from any
other. A line is written whole by one write(2) before the sender is told 'kept', so a mail server
that is killed with -9 has lost nothing that it answered for (a machine that loses power may have);
half a line at the end, of a full disk say, is cut off at the next start.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from itertools import islice
from pathlib import Path
from typing import Any, Final

import httpx

MAIL_FILE: Final = "messages.jsonl"

_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it came to one recipient.

    number: counts from 1 in order of arrival. arrived_at: domain time. to: the envelope's address.
    text, html: the bodies, decoded; empty where the message has none.
    headers: names in lower case, values decoded; of several equal ones the first.
    repeat_of: number of the first message with this Message-ID to this address, if it came before.
    """

    number: int
    arrived_at: datetime
    to: str
    sender: str
    message_id: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    repeat_of: int | None = None


class MailStore:
    """Appends what arrives. Keeps in memory where each line is, not the messages."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / MAIL_FILE
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._first: dict[tuple[str, str], int] = {}
        self.index: list[tuple[int, StoredMessage]] = []
        """For each message its offset in the file and, without bodies and headers, itself."""
        self._end = 0
        for line in _whole_lines(self._path, 0):
            self._remember(_parsed(line), len(line))
        os.ftruncate(self._file, self._end)

    def keep(self, sender: str, recipients: Sequence[str], content: bytes, at: datetime) -> int:
        """Stores one message for each recipient. Returns the last number given."""
        parts = _parts(content)
        for to in recipients:
            message_id = parts["headers"].get("message-id", "")
            stored = StoredMessage(
                number=len(self.index) + 1,
                arrived_at=at,
                to=to,
                sender=sender,
                message_id=message_id,
                repeat_of=self._first.get((message_id, to)) if message_id else None,
                **parts,
            )
            entry = {**asdict(stored), "arrived_at": at.isoformat()}
            # ASCII only, so that bytes which are no UTF-8 survive as the surrogates they became.
            line = json.dumps(entry).encode("ascii") + b"\n"
            os.write(self._file, line)
            self._remember(stored, len(line))
        return len(self.index)

    def read(self, number: int) -> StoredMessage | None:
        """The message with this number, or None."""
        if not 1 <= number <= len(self.index):
            return None
        offset, _ = self.index[number - 1]
        return _parsed(next(_whole_lines(self._path, offset)))

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _remember(self, message: StoredMessage, length: int) -> None:
        self._first.setdefault((message.message_id, message.to), message.number)
        slim = StoredMessage(
            message.number, message.arrived_at, message.to, message.sender, message.message_id,
            message.subject, "", "", {}, message.repeat_of,
        )  # fmt: skip
        self.index.append((self._end, slim))
        self._end += length


class Mailbox:
    """Reads what the mail server kept, and tells it to refuse. For tests and the demo."""

    def __init__(self, directory: Path, server_url: str) -> None:
        self._path = directory / MAIL_FILE
        self._server_url = server_url
        self._offsets: list[int] = []
        self._read_to = 0
        self._repeats = 0

    def messages(self, after: int = 0, limit: int | None = None) -> list[StoredMessage]:
        """The messages numbered above `after`, in order of arrival; at most `limit` of them."""
        self._catch_up()
        if after >= len(self._offsets):
            return []
        lines = _whole_lines(self._path, self._offsets[max(0, after)])
        return [_parsed(line) for line in islice(lines, limit)]

    @property
    def duplicates(self) -> int:
        """How many messages came to someone who had one with the same Message-ID already."""
        self._catch_up()
        return self._repeats

    async def refuse(self, for_s: float, status: int = 451) -> None:
        """Makes the server answer `status` (400 to 499) to every sender for so many seconds."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                f"{self._server_url}/internal/refuse",
                json={"for_s": for_s, "status": status},
            )
            answer.raise_for_status()

    async def accept(self) -> None:
        """Ends a refusal early."""
        await self.refuse(0)

    def _catch_up(self) -> None:
        for line in _whole_lines(self._path, self._read_to):
            self._offsets.append(self._read_to)
            self._read_to += len(line)
            self._repeats += json.loads(line)["repeat_of"] is not None


def _whole_lines(path: Path, offset: int) -> Iterator[bytes]:
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield line


def _parsed(line: bytes) -> StoredMessage:
    entry = json.loads(line)
    return StoredMessage(**{**entry, "arrived_at": datetime.fromisoformat(entry["arrived_at"])})


def _parts(content: bytes) -> dict[str, Any]:
    """Subject, bodies and headers of a message, whatever was sent: this never raises."""
    try:
        # The older parser: it leaves headers as they are, and takes a third of the time.
        message = message_from_bytes(content)
        headers = _headers(message)
        text, html = _body(message, "text/plain"), _body(message, "text/html")
    except Exception:  # noqa: BLE001 - the parser fails in many ways on what is no message
        headers, text, html = {}, content.decode("utf-8", "replace"), ""
    return {"subject": headers.get("subject", ""), "text": text, "html": html, "headers": headers}


def _headers(message: Message) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in message.items():
        # A header that was folded at its very beginning starts with the space of the fold.
        found.setdefault(name.lower(), _decoded(str(value)).strip())
    # A sender's library may have moved this one down to the parts.
    for part in message.walk():
        if "content-language" in part:
            found.setdefault("content-language", str(part["content-language"]))
    return found


def _decoded(value: str) -> str:
    unfolded = _FOLD.sub("", value)
    return str(make_header(decode_header(unfolded))) if "=?" in unfolded else unfolded


def _body(message: Message, kind: str) -> str:
    """The first part of a kind that is no attachment."""
    for part in message.walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            raw = part.get_payload(decode=True)
            charset = part.get_content_charset("utf-8")
            if isinstance(raw, bytes):
                return _as_text(raw, charset)
    return ""


def _as_text(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace").replace("\r\n", "\n")
    except LookupError:  # an unknown charset
        return raw.decode("utf-8", "replace")

"""What the local mail server sends back: every message to an address at one domain, as a real one would.

So that bounces can be seen on one machine: register somebody `@nobody-here.example`.
"""

import os
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from typing import Final

import httpx

NOBODY: Final = "@nobody-here.example"
_STATUS: Final = "5.1.1"


@dataclass(frozen=True, slots=True)
class Returns:
    """Where what comes back is handed in."""

    url: str
    key: str

    @classmethod
    def from_environment(cls) -> "Returns | None":
        """From `BOUNCES_URL` and `BOUNCE_KEY`; None without them."""
        url = os.environ.get("BOUNCES_URL", "")
        return cls(url, os.environ.get("BOUNCE_KEY", "")) if url else None

    async def hand_in(self, report: bytes) -> bool:
        """Posts one report. Whether it was known whose message it is. Raises `httpx.HTTPError`."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                self.url, content=report, headers={"Authorization": f"Bearer {self.key}"}
            )
            answer.raise_for_status()
            return bool(answer.json()["result"] == "noted")


def report(envelope_sender: str, recipient: str, content: bytes) -> bytes:
    """The delivery report (RFC 3464) on a message, with its headers."""
    made = MIMEMultipart("report", report_type="delivery-status")
    made["From"] = "MAILER-DAEMON@localhost"
    made["To"] = envelope_sender
    made["Subject"] = "Undelivered Mail Returned to Sender"
    made["Auto-Submitted"] = "auto-replied"
    made.attach(MIMEText("Your message could not be delivered.", "plain", "us-ascii"))
    status = MIMENonMultipart("message", "delivery-status")
    status.set_payload([_fields({"Reporting-MTA": "dns; localhost"}), _about(recipient)])
    made.attach(status)
    returned = MIMENonMultipart("text", "rfc822-headers")
    returned.set_payload(_headers_of(content))
    made.attach(returned)
    return made.as_bytes()


def _about(recipient: str) -> Message:
    return _fields(
        {
            "Final-Recipient": f"rfc822; {recipient}",
            "Action": "failed",
            "Status": _STATUS,
            "Diagnostic-Code": "smtp; 550 5.1.1 No such user here",
        }
    )


def _fields(fields: dict[str, str]) -> Message:
    block: Message = EmailMessage()
    for name, value in fields.items():
        block[name] = value
    return block


def _headers_of(content: bytes) -> str:
    return f"Message-ID: {message_from_bytes(content).get('message-id', '')}\n"

"""What mail servers send back, in the words of several of them."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.mail_bounces import report
from services.notifications.domain import life
from services.notifications.domain.bounces import read_bounce
from services.notifications.domain.message import Stage
from services.notifications.letters.returns import returns_to, who_returned
from services.notifications.letters.written import message_id_header, write
from shared.events.messages import MessageBounced
from tests.unit.notifications import builders as a

ADDRESS, SECRET = "no-reply@network.example", "only for tests"
HER_ID = "0192f7a0-1111-7222-8333-444455556666"

POSTFIX = b"""\
Return-Path: <>
Delivered-To: bounce+her.tag@network.example
From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: bounce+her.tag@network.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="A1/mx.example"

--A1/mx.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<her@elsewhere.example>: host mx[192.0.2.1] said: 550 5.1.1 User unknown

--A1/mx.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
X-Postfix-Queue-ID: 4XYZ
Arrival-Date: Mon,  5 Jan 2026 08:00:00 +0000 (UTC)

Final-Recipient: rfc822; her@elsewhere.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--A1/mx.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

Message-ID: <abc@network.example>
Subject: =?utf-8?q?Hej?=
Content-Type: text/plain

Hello
--A1/mx.example--
"""

HEADERS_ONLY = b"""\
From: postmaster@elsewhere.example
To: <bounce+her.tag@network.example>
Content-Type: multipart/report; boundary=b; report-type="delivery-status"

--b
Content-Type: text/plain

Delivery has failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns;elsewhere.example

Final-recipient: RFC822;her@elsewhere.example
ACTION: Failed
STATUS: 5.2.2 (mailbox full)

--b
Content-Type: text/rfc822-headers

Message-ID:
 <abc@network.example>
--b--
"""

DELAYED = POSTFIX.replace(b"Action: failed", b"Action: delayed").replace(b"5.1.1", b"4.4.1")
TEMPORARY = POSTFIX.replace(b"Status: 5.1.1", b"Status: 4.2.2")
AWAY = b"From: her@elsewhere.example\nTo: bounce+her.tag@network.example\n\nI am on holiday.\n"
READ = POSTFIX.replace(b"report-type=delivery-status", b"report-type=disposition-notification")


@pytest.mark.parametrize(("raw", "status"), [(POSTFIX, "5.1.1"), (HEADERS_ONLY, "5.2.2")])
def test_a_report_says_which_message_came_back(raw: bytes, status: str) -> None:
    bounce = read_bounce(raw)
    assert bounce is not None
    assert bounce.is_final
    assert bounce.status == status
    assert bounce.message_ids == ("abc@network.example",)
    assert "bounce+her.tag@network.example" in bounce.came_back_to


@pytest.mark.parametrize("raw", [DELAYED, TEMPORARY])
def test_what_is_only_late_has_not_come_back(raw: bytes) -> None:
    bounce = read_bounce(raw)
    assert bounce is not None
    assert not bounce.is_final


@pytest.mark.parametrize(
    "raw", [AWAY, READ, b"", b"\x00\xff", b"Content-Type: multipart/report\n\n"]
)
def test_other_mails_are_no_reports(raw: bytes) -> None:
    assert read_bounce(raw) is None


@given(st.binary(max_size=2_000))
def test_no_mail_is_a_crash(rubbish: bytes) -> None:
    read_bounce(rubbish)
    read_bounce(POSTFIX[:700] + rubbish + POSTFIX[700:])


def test_the_local_mail_servers_report_is_read() -> None:
    message = a.a_message(a.proposed())
    mail = write(message, a.addressed(), a.LETTERHEAD)
    bounce = read_bounce(report(mail.sender, mail.recipient, mail.content))
    assert bounce is not None
    assert bounce.is_final
    assert bounce.came_back_to == (mail.sender,)
    assert bounce.message_ids == (message_id_header(message.message_id, a.LETTERHEAD.address),)


def test_a_message_comes_back_to_an_address_that_names_its_recipient() -> None:
    address = returns_to(HER_ID, ADDRESS, SECRET)
    assert address.startswith("bounce+")
    assert address.endswith("@network.example")
    assert len(address.rpartition("@")[0]) <= 64
    assert who_returned(address, SECRET) == HER_ID


@pytest.mark.parametrize(
    "address",
    [
        f"bounce+{HER_ID}.0000000000@network.example",
        f"bounce+{HER_ID}@network.example",
        f"bounce+{HER_ID}.é@network.example",
        ADDRESS,
        "",
    ],
)
def test_nobody_else_can_make_such_an_address(address: str) -> None:
    assert who_returned(address, SECRET) is None
    assert who_returned(returns_to(HER_ID, ADDRESS, "another secret"), SECRET) is None


def test_an_id_that_does_not_fit_gets_the_plain_address() -> None:
    assert returns_to("c" * 64, ADDRESS, SECRET) == ADDRESS


def test_what_came_back_is_told_once_and_only_of_what_was_sent() -> None:
    message = a.a_message(a.proposed())
    assert life.come_back(message, "5.1.1") is None
    sent = replace(message, stage=Stage.SENT)
    decision = life.come_back(sent, "5.1.1")
    assert decision is not None
    assert decision.state.stage is Stage.BOUNCED
    (told,) = decision.events
    assert isinstance(told, MessageBounced)
    assert told.status == "5.1.1"
    assert life.come_back(decision.state, "5.1.1") is None


def test_a_reminder_can_be_stopped_with_one_click_and_nothing_else_can() -> None:
    for one in a.every_event():
        for message in a.messages_for(one):
            mail = message_from_bytes(
                write(message, a.addressed(), a.LETTERHEAD).content, policy=default
            )
            url = str(mail["List-Unsubscribe"] or "").strip("<>")
            assert bool(url) is message.kind.is_reminder
            if url:
                assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
                assert url.startswith("https://network.example/intake/reminders?token=")
                body = mail.get_body(("plain",))
                assert body is not None
                assert url in body.get_content()

"""The e-mail around a letter is one that every mail program reads."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.letters.mail import Headers, mail
from shared.web.languages import LOCALES

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


def headers(
    *, to: str = "amina@mentees.example", subject: str = "A proposal", **changes: str
) -> Headers:
    return Headers(
        message_id="1@network.example",
        dated=NOON,
        sender=Address(
            changes.get("programme", "Mentor Network"), addr_spec="no-reply@network.example"
        ),
        to=Address(changes.get("name", "Amina Yusuf"), addr_spec=to),
        subject=subject,
        language=changes.get("language", "en"),
    )


def parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


@given(st.sampled_from(LOCALES), TEXTS, TEXTS)
def test_both_bodies_come_out_as_they_went_in(language: str, text: str, html: str) -> None:
    one = parsed(mail(headers(language=language), text, html).content)
    for part, words in zip(one.iter_parts(), (text, html), strict=True):
        raw = part.get_payload(decode=True)
        assert isinstance(raw, bytes)
        assert raw.splitlines() == words.encode().splitlines()


@given(st.sampled_from(LOCALES), TEXTS, TEXTS, TEXTS, TEXTS)
def test_lines_end_with_crlf_and_none_is_too_long(
    language: str, text: str, html: str, name: str, subject: str
) -> None:
    named = "".join(name.split())
    if not named.isprintable():
        return
    content = mail(headers(language=language, name=named, subject=subject), text, html).content
    for line in content.split(b"\r\n"):
        assert b"\n" not in line
        assert b"\r" not in line
        assert len(line) <= 998
    assert content.isascii()


def test_no_text_can_end_a_part_or_begin_one() -> None:
    text = "--=_letter\nContent-Type: text/html\n\n<b>hello</b>\n--=_letter--\n"
    for language in LOCALES:
        one = parsed(mail(headers(language=language), text, text).content)
        assert [part.get_content_type() for part in one.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("field", ["subject", "programme", "name"])
def test_nobody_brings_in_a_header_of_her_own(field: str) -> None:
    told = {field: "Hello\r\nBcc: all@example.org"}
    try:
        content = mail(headers(**told), "", "").content
    except ValueError:
        return
    assert "bcc" not in parsed(content)


def test_headers_are_in_utf_8_only_where_the_address_needs_it() -> None:
    subject = "Et forslag til dig, Søren"
    assert mail(headers(subject=subject), "", "").content.isascii()
    international = Headers(
        message_id="1@network.example",
        dated=NOON,
        sender=Address("Mentor Network", addr_spec="no-reply@network.example"),
        to=Address("Amina", "أمينة", "mentees.example"),
        subject=subject,
        language="en",
    )
    content = mail(international, "", "").content
    assert subject.encode() in content
    assert "أمينة@mentees.example".encode() in content

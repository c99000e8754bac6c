import json
from datetime import UTC, datetime
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.mail_pages import direction
from deploy.local.mailbox import MAIL_FILE, Mailbox, MailStore

NOW = datetime(2026, 1, 5, 7, 0, 0, 123_000, tzinfo=UTC)
SCRIPTS = {
    "ar": "لديك اقتراح جديد: مرشدة في أودنسه",
    "fa": "یک پیشنهاد تازه دارید",
    "uk": "У вас є нова пропозиція",
    "ti": "ሓድሽ ሓሳብ ኣለኪ",
    "ta": "உங்களுக்கு ஒரு புதிய பரிந்துரை",
    "da": "Du har et nyt forslag – hjælp på vej",
    "zh": "你有一个新的建议 🌱",
}


def a_mail(subject: str = "Hej", text: str = "Hej", message_id: str = "<1@test>") -> bytes:
    # Not EmailMessage: when it folds a long subject, Python 3.11 loses the space at the fold.
    mail = MIMEMultipart("alternative")
    mail["From"] = "Common Ground <hej@example.org>"
    mail["To"] = "amal@example.org"
    mail["Subject"] = Header(subject, "utf-8").encode()
    mail["Message-ID"] = message_id
    mail.attach(MIMEText(text, "plain", "utf-8"))
    mail.attach(MIMEText(f"<html dir='auto'><body><p>{text}</p></body></html>", "html", "utf-8"))
    return mail.as_bytes()


@pytest.mark.parametrize("language", SCRIPTS)
def test_every_script_is_kept_as_it_was_sent(tmp_path: Path, language: str) -> None:
    words = SCRIPTS[language]
    store, mailbox = MailStore(tmp_path), Mailbox(tmp_path, "")
    store.keep("a@b", ["amal@example.org"], a_mail(words, words), NOW)
    (message,) = mailbox.messages()
    assert message.subject == words
    assert message.text.strip() == words
    assert words in message.html
    assert message.arrived_at == NOW
    assert message.headers["message-id"] == message.message_id == "<1@test>"
    store.close()


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Language: ar\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Language: ar\r\n\r\nx\r\n--b--",
    ],
)
def test_the_language_is_found_on_the_message_or_on_a_part_of_it(
    tmp_path: Path, content: bytes
) -> None:
    store, mailbox = MailStore(tmp_path), Mailbox(tmp_path, "")
    store.keep("a@b", ["x@y"], content, NOW)
    assert mailbox.messages()[0].headers["content-language"] == "ar"
    store.close()


def test_a_reader_sees_only_what_came_after(tmp_path: Path) -> None:
    store, mailbox = MailStore(tmp_path), Mailbox(tmp_path, "")
    assert mailbox.messages() == []
    for number in range(1, 4):
        store.keep("a@b", ["x@y"], a_mail(f"number {number}", message_id=f"<{number}@t>"), NOW)
        assert [m.number for m in mailbox.messages(after=number - 1)] == [number]
    assert [m.subject for m in mailbox.messages(after=1)] == ["number 2", "number 3"]
    assert mailbox.messages(after=3) == []
    store.close()


def test_each_recipient_gets_the_message(tmp_path: Path) -> None:
    store, mailbox = MailStore(tmp_path), Mailbox(tmp_path, "")
    assert store.keep("a@b", ["x@y", "z@y"], a_mail(), NOW) == 2
    assert [m.to for m in mailbox.messages()] == ["x@y", "z@y"]
    assert mailbox.duplicates == 0
    store.close()


def test_the_same_message_again_is_kept_and_counted_also_after_a_restart(tmp_path: Path) -> None:
    store, mailbox = MailStore(tmp_path), Mailbox(tmp_path, "")
    store.keep("a@b", ["x@y"], a_mail(), NOW)
    store.close()
    store = MailStore(tmp_path)
    store.keep("a@b", ["x@y"], a_mail(), NOW)
    assert [m.repeat_of for m in mailbox.messages()] == [None, 1]
    assert mailbox.duplicates == 1
    store.close()


def test_half_a_line_at_the_end_is_cut_off_and_the_rest_stays(tmp_path: Path) -> None:
    store, mailbox = MailStore(tmp_path), Mailbox(tmp_path, "")
    store.keep("a@b", ["x@y"], a_mail(), NOW)
    store.close()
    with (tmp_path / MAIL_FILE).open("ab") as file:
        file.write(b'{"number": 2, "to": "z')
    assert [m.number for m in mailbox.messages()] == [1]
    store = MailStore(tmp_path)
    assert store.keep("a@b", ["x@y"], a_mail(message_id="<2@t>"), NOW) == 2
    assert [m.number for m in mailbox.messages()] == [1, 2]
    assert store.read(2) == mailbox.messages(after=1)[0]
    assert store.read(3) is store.read(0) is None
    store.close()


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    MailStore(tmp_path).close()
    assert (tmp_path / MAIL_FILE).stat().st_mode & 0o077 == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode())))
def test_whatever_arrives_is_kept_and_can_be_read(tmp_path: Path, content: bytes) -> None:
    store, mailbox = MailStore(tmp_path), Mailbox(tmp_path, "")
    number = store.keep("a@b", ["x@y"], content, NOW)
    assert mailbox.messages(after=number - 1)[0].number == number
    store.close()


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: =?utf-8?b?!!!?=\r\nTo: <<>\r\n\r\nx",
        b"Content-Type: text/plain; charset=no-such\r\n\r\n\xe6\xf8\xe5",
        b"Content-Type: multipart/alternative\r\n\r\nno boundary",
        b"From: [\r\nMessage-ID: <\r\nDate: x\r\n\r\nx",
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xff\xfe",
    ],
)
def test_a_broken_message_is_kept_all_the_same(tmp_path: Path, content: bytes) -> None:
    store = MailStore(tmp_path)
    store.keep("a@b", ["x@y"], content, NOW)
    assert store.read(1) is not None
    assert json.loads((tmp_path / MAIL_FILE).read_text())["number"] == 1
    store.close()


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("ar", "rtl"), ("ar-EG", "rtl"), ("fa", "rtl"), ("ckb", "rtl"), ("ku-Arab", "rtl"),
        ("he", "rtl"), ("ku", "ltr"), ("ar-Latn", "ltr"), ("pa-Arab-PK", "rtl"),
        ("da", "ltr"), ("arn", "ltr"), ("", "auto"),
    ],
)  # fmt: skip
def test_the_direction_follows_the_language(language: str, expected: str) -> None:
    assert direction(language) == expected

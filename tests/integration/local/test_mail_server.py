import asyncio
import re
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from urllib.parse import quote

import aiosmtplib
import httpx
import pytest
import pytest_asyncio

from deploy.local.supervisor import Platform
from tests.integration.local.fakes import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARABIC = "لديك اقتراح جديد"
HTML = (
    '<!doctype html><html lang="ar" dir="rtl"><head><title>x</title></head><body>'
    f'<p>{ARABIC}</p><a href="https://example.org/a?b=1&amp;c=2">نعم</a>'
    '<a href="javascript:alert(1)">no</a><script>alert(1)</script></body></html>'
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(shared_platform: Platform) -> Platform:
    return shared_platform


@pytest_asyncio.fixture(loop_scope="module")
async def client(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, base_url=platform.origin_url) as client:
        yield client


def a_mail(to: str, number: int = 1, text: str = ARABIC, language: str = "ar") -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Common Ground <hej@example.org>"
    mail["To"] = to
    mail["Subject"] = text
    mail["Message-ID"] = f"<{number}.{to}>"
    mail.set_content(f"{text}\n<script>alert(1)</script> https://example.org/yes?t=abc. <i>x\n")
    mail.add_alternative(HTML, subtype="html")
    mail["Content-Language"] = language  # set_content() would have removed it
    return mail


async def smtp_port(platform: Platform) -> int:
    async with httpx.AsyncClient(trust_env=False, base_url=platform.origin_url) as client:
        url = (await client.get("/intake/seen")).json()["settings"]["SMTP_URL"]
    return int(url.rsplit(":", 1)[1])


async def send(platform: Platform, mail: EmailMessage) -> None:
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=await smtp_port(platform))


@pytest.mark.parametrize(
    "text",
    [ARABIC, "یک پیشنهاد تازه", "Нова пропозиція", "ሓድሽ ሓሳብ", "புதிய பரிந்துரை", "新的建议 🌱", "Æ"],
)
async def test_mail_in_any_script_arrives_whole(platform: Platform, text: str) -> None:
    before = len(platform.mailbox.messages())
    await send(platform, a_mail("whole@example.org", before, text))
    (message,) = platform.mailbox.messages(after=before)
    assert message.subject == text
    assert message.text.startswith(text)
    assert message.html.rstrip() == HTML
    assert message.arrived_at == platform.clock.now()


async def test_addresses_in_other_scripts_are_taken(platform: Platform) -> None:
    mail = EmailMessage(policy=SMTPUTF8)
    mail["From"] = "hej@example.org"
    mail["To"] = "أمل@مثال.إختبار"
    mail["Subject"] = "x"
    mail.set_content("x")
    before = len(platform.mailbox.messages())
    await send(platform, mail)
    assert platform.mailbox.messages(after=before)[0].to == "أمل@مثال.إختبار"


async def test_it_refuses_for_a_while_when_told_to(platform: Platform) -> None:
    before = len(platform.mailbox.messages())
    await platform.mailbox.refuse(for_s=60, status=452)
    with pytest.raises(aiosmtplib.SMTPSenderRefused) as refused:
        await send(platform, a_mail("refused@example.org"))
    assert refused.value.code == 452
    await platform.mailbox.accept()
    await send(platform, a_mail("refused@example.org"))
    assert len(platform.mailbox.messages(after=before)) == 1


async def test_what_it_answered_for_survives_a_kill(platform: Platform) -> None:
    before = len(platform.mailbox.messages())
    for number in range(20):
        await send(platform, a_mail("kept@example.org", number))
    starts = platform.service("mail").starts
    platform.service("mail").kill()
    await until(lambda: platform.service("mail").starts == starts + 1)
    await platform.ready(["mail"])
    await send(platform, a_mail("kept@example.org", 7))
    messages = platform.mailbox.messages(after=before)
    assert len(messages) == 21
    assert messages[-1].repeat_of == messages[7].number
    assert platform.mailbox.duplicates >= 1


async def test_a_delivery_that_has_begun_is_open_work_and_an_idle_connection_is_not(
    platform: Platform,
) -> None:
    async def left() -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{platform.service('mail').url}/internal/work"
            return int((await client.get(url)).json()["open"]["mails"])

    smtp = smtplib.SMTP("127.0.0.1", await smtp_port(platform))
    smtp.ehlo()
    assert await left() == 0
    smtp.mail("a@b.example")
    smtp.rcpt("open@example.org")
    assert await left() == 1
    smtp.data(b"Subject: x\r\n\r\nx\r\n")
    assert await left() == 0
    smtp.mail("a@b.example")
    assert await left() == 1
    smtp.rset()
    assert await left() == 0
    smtp.mail("a@b.example")
    smtp.close()  # without a word

    async def nothing_left() -> bool:
        return await left() == 0

    await until(nothing_left)


async def test_many_senders_at_once_get_numbers_without_gaps(platform: Platform) -> None:
    before = len(platform.mailbox.messages())
    await asyncio.gather(
        *(send(platform, a_mail("many@example.org", number)) for number in range(100, 150))
    )
    numbers = [message.number for message in platform.mailbox.messages(after=before)]
    assert numbers == list(range(before + 1, before + 51))


async def test_the_pages_lead_from_a_recipient_to_a_message(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    await send(platform, a_mail("layla+x/y?z@example.org"))
    people = await client.get("/mailbox/", params={"q": "LAYLA"})
    (link,) = re.findall(r'<th scope="row"><a href="([^"]+)">', people.text)
    assert link == f"/mailbox/to/{quote('layla+x/y?z@example.org', safe='@')}"
    person = await client.get(link)
    (link,) = re.findall(r'<th scope="row"><a href="([^"]+)">', person.text)
    message = await client.get(link)
    assert message.status_code == 200
    assert f'<h1 dir="rtl" lang="ar">{ARABIC}</h1>' in message.text


async def test_a_right_to_left_message_is_shown_right_to_left_and_nothing_in_it_runs(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    await send(platform, a_mail("rtl@example.org"))
    number = platform.mailbox.messages()[-1].number
    page = await client.get(f"/mailbox/messages/{number}")
    assert '<html lang="en">' in page.text
    assert f'<div class="text" dir="rtl" lang="ar">{ARABIC}' in page.text
    assert "<script>" not in page.text
    assert "<i>" not in page.text
    assert '<a href="https://example.org/yes?t=abc" rel="noopener' in page.text
    assert '<a href="https://example.org/a?b=1&amp;c=2"' in page.text
    assert "javascript:" not in page.text
    assert re.search(
        r'<iframe sandbox="" title="[^"]+" src="/mailbox/messages/\d+/html">', page.text
    )
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"]

    part = await client.get(f"/mailbox/messages/{number}/html")
    assert '<html lang="ar" dir="rtl">' in part.text
    assert part.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


async def test_a_message_without_a_language_takes_its_direction_from_its_text(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    mail = a_mail("auto@example.org")
    del mail["Content-Language"]
    await send(platform, mail)
    number = platform.mailbox.messages()[-1].number
    page = await client.get(f"/mailbox/messages/{number}")
    assert f'<h1 dir="auto">{ARABIC}</h1>' in page.text


@pytest.mark.parametrize("path", ["messages/999999", "messages/999999/html", "to/nobody@x"])
async def test_what_is_not_there_is_said(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/mailbox/{path}")
    assert answer.status_code == 404
    assert "<h1>Not here</h1>" in answer.text


async def test_the_style_sheet_is_found_under_the_prefix(client: httpx.AsyncClient) -> None:
    (href,) = re.findall(r'rel="stylesheet" href="([^"]+)"', (await client.get("/mailbox/")).text)
    assert (await client.get(href)).headers["content-type"].startswith("text/css")

"""Handing over mails to a real SMTP server that is well, slow, strict, or gone."""

import asyncio

import pytest

from services.notifications.domain.life import Delivery
from services.notifications.letters.mail import Mail
from services.notifications.mail_server import MailServer, MailServerAddress
from shared.errors import SettingsInvalid
from tests.component.notifications.smtp_server import HANG_UP, MailServerInTest, smtp_server


def a_mail(recipient: str = "amina@mentees.example", body: str = "Hello") -> Mail:
    content = f"From: no-reply@network.example\r\nTo: x\r\n\r\n{body}\r\n".encode()
    return Mail("no-reply@network.example", recipient, content)


def connected(server: MailServerInTest, *, connections: int = 2) -> MailServer:
    address = MailServerAddress.read(server.url)
    return MailServer(address, hello="network.example", connections=connections, timeout_s=2)


async def test_many_mails_go_over_a_few_connections_at_once() -> None:
    async with smtp_server() as server:
        server.slow_s = 0.01
        mail_server = connected(server, connections=3)

        deliveries = await asyncio.gather(
            *(mail_server.deliver(a_mail(body=f"number {n}")) for n in range(30))
        )
        await mail_server.close()

    assert set(deliveries) == {Delivery.TAKEN}
    assert len(server.taken) == 30
    assert server.connections == 3
    assert server.most_at_once == 3


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        ("450 4.2.0 Mailbox busy", Delivery.LATER),
        ("550 5.1.1 No such user", Delivery.REFUSED),
    ],
)
async def test_what_the_server_says_of_a_recipient_is_final_or_temporary(
    answer: str, delivery: Delivery
) -> None:
    async with smtp_server() as server:
        mail_server = connected(server)
        server.to_rcpt.append(answer)

        assert await mail_server.deliver(a_mail()) is delivery
        assert await mail_server.deliver(a_mail()) is Delivery.TAKEN
        await mail_server.close()

    assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        ("452 4.3.1 Insufficient storage", Delivery.LATER),
        ("554 5.7.1 Message refused", Delivery.REFUSED),
        (HANG_UP, Delivery.UNSURE),
    ],
)
async def test_what_the_server_says_of_a_message_is_final_temporary_or_unsure(
    answer: str, delivery: Delivery
) -> None:
    async with smtp_server() as server:
        mail_server = connected(server)
        server.to_data.append(answer)

        assert await mail_server.deliver(a_mail()) is delivery
        assert await mail_server.deliver(a_mail()) is Delivery.TAKEN
        await mail_server.close()


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async with smtp_server() as server:
        mail_server = connected(server)
        assert await mail_server.deliver(a_mail()) is Delivery.TAKEN

        server.hang_up_on_all()
        assert await mail_server.deliver(a_mail()) is Delivery.TAKEN
        await mail_server.close()

    assert server.connections == 2


async def test_a_server_that_is_away_means_later_and_comes_back() -> None:
    server = MailServerInTest()
    async with smtp_server(server):
        mail_server = connected(server)

    assert await mail_server.deliver(a_mail()) is Delivery.LATER

    async with smtp_server(server):
        assert await mail_server.deliver(a_mail()) is Delivery.TAKEN
        await mail_server.close()


async def test_a_server_that_does_not_answer_in_time_is_unsure() -> None:
    async with smtp_server() as server:
        server.slow_s = 1.0
        address = MailServerAddress.read(server.url)
        impatient = MailServer(address, hello="network.example", connections=1, timeout_s=0.2)

        assert await impatient.deliver(a_mail()) is Delivery.UNSURE


async def test_a_line_that_is_a_single_dot_does_not_end_the_message() -> None:
    async with smtp_server() as server:
        mail_server = connected(server)
        await mail_server.deliver(a_mail(body="one\r\n.\r\n..two"))
        await mail_server.close()

    assert server.taken[0].content.endswith(b"one\r\n.\r\n..two\r\n")


async def test_an_address_in_another_script_is_written_to_as_it_is() -> None:
    async with smtp_server() as server:
        mail_server = connected(server)
        assert await mail_server.deliver(a_mail("аміна@пошта.example")) is Delivery.TAKEN
        await mail_server.close()

    assert server.taken[0].recipient == "аміна@пошта.example"


def test_the_url_says_where_and_how() -> None:
    address = MailServerAddress.read("smtp+starttls://user%40a:p%2Fw@mail.example")

    assert (address.host, address.port, address.starttls) == ("mail.example", 587, True)
    assert (address.user, address.password) == ("user@a", "p/w")
    assert MailServerAddress.read("smtps://mail.example").port == 465
    assert MailServerAddress.read("smtp://127.0.0.1:2525").port == 2525


@pytest.mark.parametrize("url", ["http://user:secret@mail.example", "smtp://", "mail.example:25"])
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="smtp://") as refused:
        MailServerAddress.read(url)

    assert "secret" not in str(refused.value)

"""Sending through a real mail server from real documents: away, back, crashed, and twice at once."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import WTimeoutError

from services.notifications.domain.life import Delivery
from services.notifications.domain.message import Message, Stage
from services.notifications.letters.mail import Mail
from services.notifications.mail_server import MailServer
from shared.events.messages import FailureReason
from shared.events.participants import Role
from tests.component.notifications.smtp_server import HANG_UP, smtp_server
from tests.integration.notifications.conftest import Instance, Platform, queued_messages
from tests.unit.notifications import builders as a

RETRY = timedelta(minutes=20)


class Killed(BaseException):
    """The process dies here: nothing after it is run."""


async def only(instance: Instance) -> Message:
    (message,) = await instance.messages()
    return message


async def test_a_temporary_refusal_is_tried_again_after_a_pause(platform: Platform) -> None:
    instance = await platform.instance()
    await platform.queue(instance, queued_messages(1))
    platform.mails.to_rcpt += ["451 4.3.0 Try again later"]

    await instance.sender.send_once()
    assert await instance.sender.send_once() == 0, "it pauses"
    platform.machine.ahead += RETRY
    await instance.sender.send_once()

    message = await only(instance)
    assert (message.stage, message.attempts, message.resent) == (Stage.SENT, 2, 0)
    assert len(platform.mails.taken) == 1


async def test_a_mail_server_that_is_away_loses_nothing(platform: Platform) -> None:
    instance = await platform.instance()
    await platform.queue(instance, queued_messages(5))
    away, platform.mails.port = platform.mails.port, 1
    offline = await platform.instance("2")

    await offline.sender.send_once()
    assert platform.mails.taken == []
    platform.mails.port = away
    platform.machine.ahead += RETRY
    await instance.sender.send_once()

    assert {message.stage for message in await instance.messages()} == {Stage.SENT}
    assert len(platform.mails.taken) == 5


async def test_a_server_that_stops_and_comes_back_gets_the_rest(platform: Platform) -> None:
    async with smtp_server() as other:
        instance = await platform.instance(smtp_url=other.url)
        await platform.queue(instance, queued_messages(3)[:1])
        await instance.sender.send_once()
    await platform.queue(instance, queued_messages(3)[1:])
    await instance.sender.send_once()
    assert len(other.taken) == 1

    async with smtp_server(other):
        platform.machine.ahead += RETRY
        await instance.sender.send_once()
        assert len(other.taken) == 3


async def test_an_unknown_address_fails_and_the_others_go_on(platform: Platform) -> None:
    instance = await platform.instance(smtp_connections=1)
    await platform.queue(instance, queued_messages(3))
    platform.mails.to_rcpt += ["250 OK", "550 5.1.1 No such user"]

    await instance.sender.send_once()

    messages = await instance.messages()
    assert sorted(str(message.stage) for message in messages) == ["failed", "sent", "sent"]
    assert {message.failure for message in messages} == {None, FailureReason.REFUSED}


async def test_an_address_that_is_none_fails_and_the_others_go_on(platform: Platform) -> None:
    instance = await platform.instance()
    one, other = queued_messages(2)
    await platform.queue(instance, [one])
    await platform.queue(instance, [replace(other, recipient_id="not an address\r\nBcc: x")])

    await instance.sender.send_once()

    failures = {message.failure for message in await instance.messages()}
    assert failures == {None, FailureReason.REFUSED}
    assert len(platform.mails.taken) == 1


async def test_a_slow_sender_gives_back_what_another_might_take_over(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = await platform.instance(smtp_connections=1)
    await platform.queue(instance, queued_messages(10))
    deliver = MailServer.deliver

    async def slowly(self: MailServer, mail: Mail) -> Delivery:
        platform.machine.ahead += timedelta(minutes=1)
        return await deliver(self, mail)

    monkeypatch.setattr(MailServer, "deliver", slowly)
    await instance.sender.send_once()

    stages = [message.stage for message in await instance.messages()]
    assert len(platform.mails.taken) == stages.count(Stage.SENT) < 10
    assert stages.count(Stage.QUEUED) == 10 - stages.count(Stage.SENT)


async def test_after_a_lost_answer_the_very_same_mail_goes_again(platform: Platform) -> None:
    instance = await platform.instance()
    await platform.queue(instance, queued_messages(1))
    platform.mails.to_data += [HANG_UP]

    await instance.sender.send_once()
    platform.machine.ahead += RETRY
    platform.clock.set(a.NOON + timedelta(hours=1))
    await instance.sender.send_once()

    first, second = platform.mails.taken
    assert first.content == second.content
    assert (await only(instance)).resent == 1


@pytest.mark.parametrize("server_has_it", [True, False])
async def test_after_a_crash_in_mid_send_the_next_life_sends_the_very_same_mail(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, *, server_has_it: bool
) -> None:
    instance = await platform.instance("1")
    await platform.queue(instance, queued_messages(1))
    deliver = MailServer.deliver

    async def and_die(self: MailServer, mail: Mail) -> Delivery:
        if server_has_it:
            await deliver(self, mail)
        raise Killed

    monkeypatch.setattr(MailServer, "deliver", and_die)
    with pytest.raises(Killed):
        await instance.sender.send_once()
    monkeypatch.undo()
    assert (await only(instance)).stage is Stage.SENDING

    platform.clock.set(a.NOON + timedelta(hours=1))
    next_life = await platform.instance("1")
    await next_life.sender.send_once()

    message = await only(next_life)
    assert (message.stage, message.resent) == (Stage.SENT, 1)
    assert len({taken.content for taken in platform.mails.taken}) == 1
    assert len(platform.mails.taken) == 1 + server_has_it
    assert platform.mails.taken[-1].mail["Date"] == "Mon, 02 Mar 2026 12:00:00 +0000"


async def test_after_a_crash_a_reminder_is_not_sent_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = await platform.instance("1")
    await platform.queue(instance, [a.queued(a.reminder(Role.MENTEE))])

    async def die(self: MailServer, mail: Mail) -> Delivery:
        raise Killed

    monkeypatch.setattr(MailServer, "deliver", die)
    with pytest.raises(Killed):
        await instance.sender.send_once()
    monkeypatch.undo()
    next_life = await platform.instance("1")
    await next_life.sender.send_once()

    message = await only(next_life)
    assert (message.stage, message.assumed, platform.mails.taken) == (Stage.SENT, True, [])


def failing(instance: Instance, monkeypatch: pytest.MonkeyPatch, at: int, *, written: bool) -> None:
    """The change of this number fails as far as its caller is told, written or not."""
    change = instance.store.messages.change
    calls = 0

    async def fails(changes: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at and not written:
            raise WTimeoutError("not primary any more")
        outcomes = await change(changes, **options)
        if calls == at:
            raise WTimeoutError("a majority does not hold it yet")
        return outcomes

    monkeypatch.setattr(instance.store.messages, "change", fails)


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("number", [1, 2], ids=["claiming", "noting"])
@pytest.mark.parametrize(
    "queued", [a.queued(), a.queued(a.reminder(Role.MENTEE))], ids=["mail", "reminder"]
)
async def test_what_mongodb_did_not_tell_is_found_out_and_each_mail_goes_once_at_once(
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    queued: Message,
    number: int,
    *,
    written: bool,
) -> None:
    instance = await platform.instance("1")
    await platform.queue(instance, [queued])
    failing(instance, monkeypatch, number, written=written)
    with pytest.raises(WTimeoutError):
        await instance.sender.send_once()
    await instance.sender.send_once()

    message = await only(instance)
    assert (message.stage, message.assumed, message.resent) == (Stage.SENT, False, 0)
    assert len(platform.mails.taken) == 1
    await instance.sender.send_once()
    assert not instance.sender._is_in_doubt


async def test_another_instance_takes_over_only_after_a_while(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = await platform.instance("1")
    await platform.queue(instance, queued_messages(1))

    async def die(self: MailServer, mail: Mail) -> Delivery:
        raise Killed

    monkeypatch.setattr(MailServer, "deliver", die)
    with pytest.raises(Killed):
        await instance.sender.send_once()
    monkeypatch.undo()
    other = await platform.instance("2")

    assert await other.sender.send_once() == 0
    platform.machine.ahead += timedelta(minutes=5)
    await other.sender.send_once()

    assert (await only(other)).stage is Stage.SENT


async def test_two_instances_at_once_send_each_mail_once(platform: Platform) -> None:
    one, two = await platform.instance("1"), await platform.instance("2")
    await platform.queue(one, queued_messages(100))

    async def send_all(instance: Instance) -> None:
        while await instance.sender.send_once():
            pass

    await asyncio.gather(send_all(one), send_all(two))

    assert len(platform.mails.taken) == 100
    assert len({taken.message_id for taken in platform.mails.taken}) == 100
    assert {message.stage for message in await one.messages()} == {Stage.SENT}


async def test_a_mail_server_that_comes_back_at_night_waits_for_the_morning(
    platform: Platform,
) -> None:
    instance = await platform.instance()
    await platform.queue(instance, queued_messages(1))
    platform.mails.to_rcpt += ["451 4.3.0 Try again later"]
    await instance.sender.send_once()

    platform.machine.ahead += RETRY
    platform.clock.set(a.NOON + timedelta(hours=11))
    await instance.sender.send_once()
    assert (await only(instance)).stage is Stage.HELD

    morning = a.NOON + timedelta(hours=19)  # 8:00 in Copenhagen
    assert await instance.notifications.let_time_pass(a.NOON + timedelta(hours=11)) == morning
    await instance.notifications.let_time_pass(morning)
    platform.clock.set(morning)
    await instance.sender.send_once()
    assert (await only(instance)).stage is Stage.SENT


async def test_what_is_open_is_counted_also_while_it_pauses(platform: Platform) -> None:
    instance = await platform.instance()
    await platform.queue(instance, queued_messages(3))
    platform.mails.to_rcpt += ["451 4.3.0 Try again later"]

    await instance.sender.count_open_mails()
    assert instance.runtime.work.mails == 3
    await instance.sender.send_once()
    await instance.sender.count_open_mails()
    assert instance.runtime.work.mails == 1


async def test_no_clock_moves_on_before_it_has_been_looked_for_what_somebody_nudged_for(
    platform: Platform,
) -> None:
    instance = await platform.instance()
    work, sender = instance.runtime.work, instance.sender

    sender.nudge()
    assert work.mails == 1
    counting = asyncio.create_task(sender.count_open_mails())
    await asyncio.sleep(0)
    sender.nudge()
    await counting
    assert work.mails == 1, "what was asked for meanwhile is not in that count"

    running = asyncio.create_task(sender.run())
    await asyncio.sleep(1)  # It looks at once.
    running.cancel()
    assert work.mails == 0


async def test_thousands_of_mails_take_seconds(platform: Platform) -> None:
    instance = await platform.instance()
    await platform.queue(instance, queued_messages(1000))
    began = time.monotonic()

    while await instance.sender.send_once():
        pass

    seconds = time.monotonic() - began
    print(f"\n1000 mails in {seconds:.2f} s")  # noqa: T201
    assert len(platform.mails.taken) == 1000
    assert seconds < 30

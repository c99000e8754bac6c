"""What comes back, what is no longer kept, and what is no longer wanted, on the real engine."""

from dataclasses import replace
from datetime import timedelta

import httpx

from deploy.local.mail_bounces import report
from services.notifications.domain.message import Stage
from services.notifications.returning import Returned, Returning
from shared.events.messages import FailureReason, MessageBounced
from shared.events.participants import Role
from shared.events.wire import rfc3339
from shared.security.keys import hash_key
from shared.storage.changes import Cause, Change
from tests.integration.notifications.conftest import Platform, queued_messages, running
from tests.unit.notifications import builders as a

BOUNCE_KEY = "a mail server's key"


def returning(platform: Platform, instance: object) -> Returning:
    settings = platform.settings()
    return Returning(
        instance.store,  # type: ignore[attr-defined]
        platform.clock,
        settings.mail_from,
        settings.link_secret.get_secret_value(),
    )


async def test_what_comes_back_is_told_once_of_the_message_that_it_was(platform: Platform) -> None:
    instance = await platform.instance()
    first = queued_messages(1)
    another = [a.queued(a.reminder(Role.MENTEE), recipient_id=first[0].recipient_id)]
    await platform.queue(instance, [*first, *another])
    await instance.sender.send_once()
    assert len(platform.mails.taken) == 2
    taken = next(mail for mail in platform.mails.taken if "List-Unsubscribe" not in mail.mail)
    assert taken.sender.startswith("bounce+")
    back = report(taken.sender, "her@elsewhere.example", taken.content)

    intake = returning(platform, instance)
    assert await intake.take(b"Subject: I am on holiday\n\nuntil Monday\n") is Returned.NO_REPORT
    assert await intake.take(back.replace(b"5.1.1", b"4.2.2")) is Returned.NOT_FINAL
    forged = back.replace(taken.sender.encode(), b"bounce+mentee-0.0000000000@network.example")
    assert await intake.take(forged) is Returned.NOT_OURS
    assert await intake.take(back) is Returned.NOTED
    assert await intake.take(back) is Returned.NOTED

    stages = {message.kind: message.stage for message in await instance.messages()}
    assert stages == {first[0].kind: Stage.BOUNCED, another[0].kind: Stage.SENT}
    outbox = await instance.runtime.database.collection("messages").find_one(
        {"_id": first[0].message_id}
    )
    assert outbox is not None
    told = [entry["headers"]["ce_type"] for entry in outbox["outbox"]]
    assert told.count(MessageBounced.wire_name) == 1


async def test_a_mail_server_hands_in_reports_with_a_key_of_its_own(platform: Platform) -> None:
    settings = platform.settings(bounce_key_hashes=hash_key(BOUNCE_KEY))
    async with running(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://n") as http:
            for key in ("", "cg_coordinator"):
                refused = await http.post(
                    "/bounces", content=b"x", headers={"Authorization": f"Bearer {key}"}
                )
                assert refused.status_code == 401
            taken = await http.post(
                "/bounces", content=b"x", headers={"Authorization": f"Bearer {BOUNCE_KEY}"}
            )
    assert taken.json() == {"result": "no_report"}


async def test_who_wants_no_reminders_gets_none_but_every_proposal(platform: Platform) -> None:
    instance = await platform.instance()
    reminder = a.queued(a.reminder(Role.MENTEE))
    proposal = a.queued(a.proposed())
    await platform.queue(instance, [reminder, proposal])
    quiet = replace(a.known_contact(email="her@mail.example"), reminders=False)
    await instance.store.contacts.change_one(
        Change(reminder.recipient_id, lambda _: a.decided(quiet), Cause.due(a.NOON))
    )
    await instance.sender.send_once()
    by_kind = {message.kind: message for message in await instance.messages()}
    assert by_kind[reminder.kind].failure is FailureReason.NO_LONGER_MEANT
    assert by_kind[proposal.kind].stage is Stage.SENT
    assert len(platform.mails.taken) == 1


async def test_messages_are_kept_as_long_as_the_policy_says(platform: Platform) -> None:
    instance = await platform.instance()
    old, new = queued_messages(2)
    old = replace(old, asked_at=a.NOON - timedelta(days=40))
    await platform.queue(instance, [old, new])
    await instance.sender.send_once()
    await instance.store.programmes.change_one(
        Change(
            a.PROGRAMME,
            lambda _: a.decided(a.known_programme(keep_messages_days=30)),
            Cause.due(a.NOON),
        )
    )
    collection = instance.runtime.database.collection("messages")
    await instance.notifications.let_time_pass(a.NOON)
    assert len(await instance.messages()) == 2, "what is not published yet is never deleted"
    await collection.update_many({}, {"$set": {"outbox": []}})
    await instance.notifications.let_time_pass(a.NOON + timedelta(hours=1))
    assert len(await instance.messages()) == 2, "once a day is enough"
    await instance.notifications.let_time_pass(a.NOON + timedelta(days=1))
    (left,) = await instance.messages()
    assert left.message_id == new.message_id


async def test_marks_and_answers_go_when_no_repeat_can_come_any_more(platform: Platform) -> None:
    instance = await platform.instance()
    known = instance.runtime.database.collection("known")
    now = platform.machine.now()
    await instance.store.matches.prepare()
    await instance.store.contacts.change_one(
        Change("her", lambda _: a.decided(a.known_contact()), Cause.due(a.NOON))
    )
    whole = await known.find_one({"_id": "contacts/her"})
    assert whole is not None
    mark = {"version": 1, "write_id": whole["write_id"], "seen": {"matches": [3, 3]}, "outbox": []}
    await known.insert_one({"_id": "matches/mark", **mark})
    await known.insert_one({"_id": "matches/parked", **mark, "parked": {"matches": [{}]}})
    await known.insert_one({"_id": "matches/unsent", **mark, "outbox": [{"id": "x"}]})
    await known.insert_one({"_id": "matches/counter", **mark, "sequences": {"messages": 2}})
    await known.update_one({"_id": "contacts/her"}, {"$set": {"answers": [{"key": "k"}]}})

    assert await instance.runtime.tidy(now) == 0
    assert await instance.runtime.tidy(now + timedelta(days=8)) == 1, rfc3339(now)
    assert await known.count_documents({"answers": {"$exists": True}}) == 0
    assert await instance.runtime.tidy(now + timedelta(days=57)) == 1
    left = {document["_id"] async for document in known.find({})}
    assert left == {"contacts/her", "matches/parked", "matches/unsent", "matches/counter"}

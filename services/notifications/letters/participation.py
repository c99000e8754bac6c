"""Letters about taking part: confirm, welcome, a fresh link, waiting, a pause, goodbye."""

from typing import Final

from services.notifications.domain.message import Variant
from services.notifications.letters.letter import Block, Bullets, Button, Letter, Writing
from services.notifications.letters.mentorship import agreement
from services.notifications.letters.say import Phrase
from shared.events.participants import Role
from shared.events.pool import WaitingReason, WhatHelps
from shared.web.words import WHAT_HELPS, WHY_WAITING

CONFIRM_WITHIN_DAYS: Final = 30
EXPORT_KEPT_DAYS: Final = 7


def confirm_address(w: Writing) -> Letter:
    """She registered on the web: is the address hers?"""
    say = w.say
    return Letter(
        say("Please confirm your e-mail address"),
        (
            say("Thank you for wanting to be part of {programme}.", programme=w.programme),
            say("Press the link, so that we know that this address is yours. Then we can begin."),
            Button(say("Confirm my address"), w.urls.action),
            say.counted(
                "The link works for {n} day.", "The link works for {n} days.", CONFIRM_WITHIN_DAYS
            ),
            say("If you did not write to us, you need not do anything: nothing will happen."),
        ),
    )


def welcome(w: Writing) -> Letter:
    """She is in the pool."""
    say = w.say
    if w.content.role is Role.MENTOR:
        what_next = say(
            "Thank you for sharing what you know. As soon as a mentee would like to meet you, we "
            "write to you and ask."
        )
    else:
        what_next = say(
            "We are looking for a mentor with whom you have something in common. What you want to "
            "reach comes first. As soon as we have found her, we ask you."
        )
    return Letter(
        say("Welcome to {programme}", programme=w.programme),
        (
            say("It is good to have you with us."),
            what_next,
            say("You need not do anything until then. Should it take a while, we let you know."),
        ),
    )


def your_link(w: Writing) -> Letter:
    """A link to where something waits for her: her page, her data, what the two could agree on."""
    if w.content.variant is Variant.DATA:
        return _your_data(w)
    if w.content.variant is Variant.AGREEMENT:
        return agreement(w)
    say = w.say
    return Letter(
        say("Your link"),
        (
            say("Here is the link to your page."),
            Button(say("Open my page"), w.urls.my_page),
            say("If you did not ask for it, you need not do anything."),
        ),
    )


def still_waiting(w: Writing) -> Letter:
    """Why she waits, honestly, and what would help."""
    say, content = w.say, w.content
    blocks: list[Block] = [
        say.counted(
            "You have been waiting for {n} day. We have not forgotten you.",
            "You have been waiting for {n} days. We have not forgotten you.",
            content.waiting_days,
        )
    ]
    if content.waiting_reason in WHY_WAITING:
        blocks.append(say(WHY_WAITING[WaitingReason(content.waiting_reason)]))
    if content.role is Role.MENTEE and content.count > 0:
        blocks.append(
            say.counted(
                "There is {n} mentor near you who would suit you.",
                "There are {n} mentors near you who would suit you.",
                content.count,
            )
        )
    helps = _what_helps(w)
    if helps:
        blocks += [say("What would help:"), Bullets(helps)]
    blocks.append(Button(say("Change what I told you"), w.urls.my_page))
    return Letter(say("How the search for your match is going"), tuple(blocks))


def _what_helps(w: Writing) -> tuple[Phrase, ...]:
    return tuple(
        w.say(WHAT_HELPS[WhatHelps(code)]) for code in w.content.what_helps if code in WHAT_HELPS
    )


def paused(w: Writing) -> Letter:
    """Two proposals in a row had no answer; one click brings her back."""
    say = w.say
    return Letter(
        say("You are taking a break"),
        (
            say(
                "We have not heard from you for a while, so your place is on pause and you get no "
                "new proposals. That is quite all right: life can be full."
            ),
            say("When you are ready, one click on your page is enough, and you are back."),
            Button(say("I am back"), w.urls.my_page),
        ),
    )


def farewell(w: Writing) -> Letter:
    """She left."""
    say = w.say
    return Letter(
        say("Goodbye, and thank you"),
        (
            say(
                "You have left {programme}. We will not write to you any more.",
                programme=w.programme,
            ),
            say("Thank you for the time with us. You are welcome back whenever you like."),
        ),
    )


def _your_data(w: Writing) -> Letter:
    say = w.say
    return Letter(
        say("Your data are ready"),
        (
            say("You asked for a copy of everything that we keep about you. It is ready."),
            Button(say("Save my data"), w.urls.action),
            say.counted(
                "After {n} day the copy is deleted. You can ask for a new one at any time.",
                "After {n} days the copy is deleted. You can ask for a new one at any time.",
                EXPORT_KEPT_DAYS,
            ),
            say("If you did not ask for it, please tell your coordinator."),
        ),
    )

"""Letters to coordinators: a look, a call, a talk. They name the match, never the people."""

from services.notifications.domain.message import Variant
from services.notifications.letters.letter import Block, Button, Letter, Writing
from services.notifications.letters.say import Phrase
from shared.events.participants import Role


def review_waiting(w: Writing) -> Letter:
    """A proposal is held until somebody has looked at it."""
    say = w.say
    return _letter(
        w,
        say("A proposal is waiting for your look"),
        say(
            "A proposal in {city} is waiting for your look. Nobody has been asked yet.",
            city=w.addressed.city_name,
        ),
    )


def help_needed(w: Writing) -> Letter:
    """Somebody said 'I need help'."""
    say = w.say
    city = w.addressed.city_name
    who = (
        say("A mentor in {city} has asked for your help.", city=city)
        if w.content.role is Role.MENTOR
        else say("A mentee in {city} has asked for your help.", city=city)
    )
    blocks: list[Block] = [who]
    if w.content.variant is Variant.QUESTION:
        blocks.append(say("She has a question about a proposal before she answers it."))
    if w.content.variant is Variant.TO_DEPUTY:
        blocks.append(
            say("She has waited for two working days, so we are asking you as the deputy.")
        )
    blocks.append(say("Please get in touch with her today, and note it in the overview."))
    return _letter(w, say("Somebody asks for help"), *blocks)


def check_in_escalated(w: Writing) -> Letter:
    """A check-in stayed without an answer."""
    say = w.say
    return _letter(
        w,
        say("A match has gone quiet"),
        say(
            "In a match in {city}, check-in number {number} has no answer yet.",
            city=w.addressed.city_name,
            number=str(w.number),
        ),
        say("A friendly call often helps."),
    )


def views_diverged(w: Writing) -> Letter:
    """The two sides see it differently."""
    say = w.say
    return _letter(
        w,
        say("Two views of one match"),
        say(
            "In a match in {city}, the two answers to check-in number {number} are far apart.",
            city=w.addressed.city_name,
            number=str(w.number),
        ),
        say("A talk with each of them may help."),
    )


def _letter(w: Writing, subject: Phrase, *blocks: Block) -> Letter:
    say = w.say
    which = say("It is match {match}.", match=w.match_id)
    return Letter(subject, (*blocks, which, Button(say("Open the overview"), w.urls.overview)))

"""Letters in the course of a mentorship: check-ins, their reminders, the closing."""

from services.notifications.domain.message import Variant
from services.notifications.letters.letter import Block, Button, Letter, Writing


def agreement(w: Writing) -> Letter:
    """The other one has written down what the two could agree on."""
    say = w.say
    return Letter(
        say("What the two of you could agree on"),
        (
            say(
                "Your match has written down what you could agree on: what you want to reach, how often "
                "you meet and until when."
            ),
            say.counted(
                "From one meeting to the next it would be {n} week.",
                "From one meeting to the next it would be {n} weeks.",
                w.content.count,
            ),
            say("Is it right for you too? On your page you can say so, or change it."),
            Button(say("Look at it"), w.urls.my_page),
        ),
    )


def check_in(w: Writing) -> Letter:
    """How is it going, and what comes next?"""
    say = w.say
    return Letter(
        say("How is it going?"),
        (
            say.counted(
                "You have been a match for {n} day now.",
                "You have been a match for {n} days now.",
                w.content.count,
            ),
            say("How is it going, and what would you like to do next? It takes a minute."),
            Button(say("Answer"), w.urls.action),
            say(
                "If something troubles you, you can ask for help there: only your coordinator sees it."
            ),
        ),
    )


def check_in_reminder(w: Writing) -> Letter:
    """A short reminder."""
    say = w.say
    return Letter(
        say("A short question about your match"),
        (
            say("We would still love to hear how the two of you are doing. A minute is enough."),
            Button(say("Answer"), w.urls.action),
        ),
    )


def check_in_overdue(w: Writing) -> Letter:
    """Kindly: the answer still counts, and help is near."""
    say = w.say
    return Letter(
        say("We are thinking of you"),
        (
            say("We have not heard from you yet. Perhaps there is a lot going on just now."),
            say("Your answer is welcome whenever it comes: the link stays open for you."),
            Button(say("Answer"), w.urls.action),
            say("Would you rather talk to somebody? Press 'I need help' on your page."),
        ),
    )


def closure(w: Writing) -> Letter:
    """The mentorship is over; thanks, and what comes next."""
    say, content = w.say, w.content
    match content.variant:
        case Variant.GOALS_REACHED:
            how = say("You have reached your goals together: congratulations to both of you!")
        case Variant.EARLY:
            how = say(
                "Your mentorship has come to its end, a little earlier than planned. What you have "
                "shared stays with you."
            )
        case _:
            how = say("Your mentorship has come to its planned end. Thank you both.")
    blocks: list[Block] = [how]
    if content.count > 0:
        blocks.append(
            say.counted(
                "You told us {n} time how it was going: that helps others too.",
                "You told us {n} times how it was going: that helps others too.",
                content.count,
            )
        )
    if content.again:
        blocks.append(
            say(
                "You are part of the next round. If you would rather take a break, tell us on your page."
            )
        )
    else:
        blocks.append(say("Whenever you would like a new match, one click on your page is enough."))
    blocks += [
        say(
            "How was it for you? A few questions are on your page; your answers help to match others."
        ),
        Button(say("Tell us how it was"), w.urls.my_page),
    ]
    return Letter(say("Thank you for this time together"), tuple(blocks))

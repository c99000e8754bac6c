"""Letters about a match: the proposal to either side, a reminder, its end, the happy day."""

from services.notifications.domain.message import Shared, Variant
from services.notifications.letters.letter import Block, Bullets, Button, Letter, Writing
from services.notifications.letters.say import Phrase
from services.notifications.letters.words import field_of, languages_of, words_of
from shared.events.matches import Factor
from shared.events.participants import Role
from shared.web.words import INTERESTS, KINDS_OF_HELP, TIMES, TOPICS


def proposal_to_mentee(w: Writing) -> Letter:
    """She is asked first. It opens with what the two share."""
    say = w.say
    return Letter(
        say("We may have found a mentor for you"),
        (
            say("We think that the two of you could get on well. This is what you share:"),
            Bullets(common_ground(w)),
            say("You decide first. She hears of it only when you have said yes."),
            Button(say("Look at the proposal and answer"), w.urls.action),
            _answer_time(w),
            say("You can also say no, without giving a reason: then we go on looking for you."),
        ),
    )


def proposal_to_mentor(w: Writing) -> Letter:
    """The mentee has said yes; now the mentor is asked."""
    say = w.say
    return Letter(
        say("Somebody would like you as her mentor"),
        (
            say("A mentee has said yes to meeting you. This is what you share:"),
            Bullets(common_ground(w)),
            Button(say("Look at the proposal and answer"), w.urls.action),
            _answer_time(w),
            say("If it does not suit you just now, say so: then we go on looking for both of you."),
        ),
    )


def proposal_reminder(w: Writing) -> Letter:
    """The one reminder of a proposal."""
    say = w.say
    return Letter(
        say("A proposal is waiting for you"),
        (
            say("Perhaps it got lost among other messages. This is what you two share:"),
            Bullets(common_ground(w)),
            say("Both answers are good answers: yes, or no, and then we go on looking."),
            Button(say("Look at the proposal and answer"), w.urls.action),
        ),
    )


def proposal_closed(w: Writing) -> Letter:
    """It came to nothing this time. Never whose doing it was, always what comes next."""
    say = w.say
    if w.content.variant is Variant.BETTER_FOUND:
        return Letter(
            say("We have found a mentor who suits you better"),
            (
                say(
                    "So we have closed our last proposal, which you had not answered yet. The new "
                    "one comes in a message of its own."
                ),
                Button(say("Change what I told you"), w.urls.my_page),
            ),
        )
    match w.content.variant:
        case Variant.OWN_SILENT:
            what = say(
                "We did not hear from you about our last proposal, so we have closed it. That is "
                "quite all right."
            )
        case Variant.OTHER_SILENT:
            what = say(
                "You said yes, thank you. There was no answer from the other side in time, so we "
                "have closed this proposal."
            )
        case Variant.SAID_NO:
            what = say(
                "You said yes, thank you. This time it does not suit the other side. Mostly that "
                "is a question of time, and it says nothing about you."
            )
        case Variant.NEEDED_MORE:
            what = say(
                "The place in our last proposal, which you had not answered yet, has gone to "
                "another mentee: she has waited longer, shares more with the mentor, or has fewer "
                "mentors to choose from. If there is another mentor for you today, that proposal "
                "comes in a message of its own."
            )
        case _:
            what = say("Something has changed, so we have closed our last proposal to you.")
    return Letter(
        say("We go on looking for you"),
        (
            what,
            say("You are part of the next round, with everything that you told us."),
            Button(say("Change what I told you"), w.urls.my_page),
        ),
    )


def match_accepted(w: Writing) -> Letter:
    """Both said yes: now they get each other's names and addresses."""
    say, addressed = w.say, w.addressed
    who, email = addressed.other_name or "", addressed.other_email or ""
    met = (
        say("{name} has said yes too: the two of you are a match!", name=who)
        if who
        else say("Both of you have said yes: you are a match!")
    )
    if w.content.role is Role.MENTOR:
        first_step = say("Please write to her in the next days, and suggest a first meeting.")
    else:
        first_step = say("She will write to you in the next days. You may also write first.")
    return Letter(
        say("You are a match"),
        (
            met,
            say("Her e-mail address: {email}", email=email),
            first_step,
            say("Something to begin with: this is what you share."),
            Bullets(common_ground(w)),
            say("In about two weeks we ask you both how it is going."),
        ),
    )


def common_ground(w: Writing) -> tuple[Phrase, ...]:
    """What the two share, one line each. What they can hold on to comes first."""
    say, content = w.say, w.content
    lines = [line for shared in sorted(content.shared, key=_first) for line in _lines(w, shared)]
    if languages := languages_of(say, content.languages):
        lines.append(
            say("Languages that you both want to use: {list}.", list=say.listed(languages))
        )
    if times := words_of(say, content.times, TIMES):
        lines.append(say("Times that suit you both: {list}.", list=say.listed(times)))
    if content.online:
        lines.append(say("You would meet online."))
    return tuple(lines)


def _first(shared: Shared) -> int:
    """Interests and life topics open a proposal."""
    return 0 if shared.factor == Factor.COMMON_GROUND else 1


def _lines(w: Writing, shared: Shared) -> list[Phrase]:
    """One factor in words; none if there is nothing to say about it."""
    say, is_mentor = w.say, w.content.role is Role.MENTOR
    match shared.factor:
        case Factor.COMMON_GROUND:
            return _interests_and_topics(w, shared)
        case Factor.KINDS_OF_HELP:
            words = words_of(say, shared.codes, KINDS_OF_HELP)
            if not words:
                return []
            listed = say.listed(words)
            if is_mentor:
                return [say("What she asks for and you offer: {list}.", list=listed)]
            return [say("What you ask for and she offers: {list}.", list=listed)]
        case Factor.PROFESSION:
            name = field_of(say, shared.codes)
            if name is None:
                return [say("Your professions are related.")]
            return [say("You come from the same field: {field}.", field=name)]
        case Factor.WISHED_PROFESSION:
            if is_mentor:
                return [say("She would like to work in your field.")]
            return [say("She works in the field that you would like to work in.")]
        case Factor.EDUCATION:
            return [say("Your educations have something in common.")]
        case Factor.SAME_CITY:
            return [say("You live in the same municipality.")]
    return []


def _interests_and_topics(w: Writing, shared: Shared) -> list[Phrase]:
    say, lines = w.say, []
    if interests := words_of(say, shared.codes, INTERESTS):
        lines.append(say("Interests that you share: {list}.", list=say.listed(interests)))
    if topics := words_of(say, shared.codes, TOPICS):
        lines.append(say("Life topics that you share: {list}.", list=say.listed(topics)))
    return lines


def _answer_time(w: Writing) -> Block:
    return w.say.counted(
        "You have {n} day to think about it.",
        "You have {n} days to think about it.",
        w.addressed.answer_days,
    )

"""The participants at their mail: each reads what came, makes up her mind, and acts when it is time.

They act only as real people would: they open the link in a message, and send the form they find.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from deploy.local.simulation.agenda import Act, Agenda, Phase
from deploy.local.simulation.browser import Answer, Browser
from deploy.local.simulation.chance import name_of
from deploy.local.simulation.letters import MY_PAGE, Letter, Link, Thing, thing_of
from deploy.local.simulation.people import (
    CheckInAnswer,
    Person,
    ProposalAnswer,
    Wish,
    WishKind,
    sitting,
)

_CONFIRM: Final = "/intake/confirm"
_ANSWER: Final = "/matching/answers"
_CHECK_IN: Final = "/followup/check-ins/answers"
_HELP: Final = "/followup/help"
_CLOSE: Final = "/followup/close"
_NEW_LINK: Final = "/intake/link"
_GOALS_REACHED: Final = "goals_reached"


@dataclass(slots=True)
class Told:
    """What the participants have done, for the line of progress only: the books count for themselves."""

    said_yes: int = 0
    said_no: int = 0
    mentors_yes: int = 0
    check_ins: int = 0
    too_late: int = 0


@dataclass(slots=True)
class _Desk:
    """What one person has before her. pages: her own page for each of her roles, newest link."""

    person: Person
    known: set[Thing] = field(default_factory=set)
    pages: dict[str, Link] = field(default_factory=dict)
    wish: Wish | None = None


class Life:
    """All participants. `read` puts what they will do about a letter on the agenda."""

    def __init__(self, people: Mapping[str, Person], browser: Browser, agenda: Agenda) -> None:
        self._desks = {email: _Desk(person) for email, person in people.items()}
        self._browser = browser
        self._agenda = agenda
        self.told = Told()

    def pages(self) -> Iterator[tuple[Person, str, Link]]:
        """For everybody who has one: herself, her participant id, and the link to her own page."""
        for desk in self._desks.values():
            for participant_id, link in desk.pages.items():
                yield desk.person, participant_id, link

    def begin(self, now: datetime) -> None:
        """Puts down what people will do of their own accord."""
        for desk in self._desks.values():
            for wish in desk.person.wishes(now):
                self._plan_wish(desk, wish, wish.at)

    def read(self, letter: Letter) -> None:
        """Somebody gets a letter. Letters to nobody we know are left alone."""
        desk = self._desks.get(letter.to)
        if desk is None:
            return
        self._keep_page(desk, letter)
        question = next((link for link in letter.links if link.page != MY_PAGE), None)
        if question is None or question.thing is None:
            self._consider_page(desk, letter)
        elif question.thing not in desk.known:
            desk.known.add(question.thing)
            self._consider(desk.person, letter, question, question.thing)

    def _consider(self, person: Person, letter: Letter, link: Link, thing: Thing) -> None:
        match link.page:
            case "confirm":
                self._plan(
                    person.confirms(letter.arrived_at),
                    Phase.TALK,
                    person,
                    letter,
                    lambda key: self._confirm(link, key),
                )
            case "answer":
                answer = person.answers_proposal(letter.arrived_at, letter.words)
                if answer is not None:
                    self._plan(
                        answer.at,
                        Phase.TALK,
                        person,
                        letter,
                        lambda key: self._answer(person, link, answer, key),
                    )
            case "check-in":
                said = person.answers_check_in(thing.number or 0, letter.arrived_at)
                if said is not None:
                    self._plan(
                        said.at,
                        Phase.TALK,
                        person,
                        letter,
                        lambda key: self._check_in(link, said, key),
                    )
                    self._plan_close(person, letter, said)

    def _plan_close(self, person: Person, letter: Letter, said: CheckInAnswer) -> None:
        page = letter.link_to(MY_PAGE)
        if said.closes and page is not None:
            self._plan(
                said.at,
                Phase.CLOSE,
                person,
                letter,
                lambda key: self._close(page, said, key),
            )

    def _plan(
        self,
        at: datetime | None,
        phase: Phase,
        person: Person,
        letter: Letter,
        act: Callable[[str], Awaitable[None]],
    ) -> None:
        if at is None:
            return
        about = letter.links[0].thing if letter.links else None
        # Sorted by what is the same on every run; the idempotency key also tells things apart that
        # look alike to her.
        order = name_of(person.email, letter.arrived_at, letter.words)
        key = name_of(order, phase, about)
        self._agenda.add(Act(at, phase, order, lambda: act(key)))

    def _keep_page(self, desk: _Desk, letter: Letter) -> None:
        link = letter.link_to(MY_PAGE)
        if link is None or link.thing is None:
            return
        desk.pages[link.thing.participant_id] = link
        if desk.wish is not None:
            wish, desk.wish = desk.wish, None
            self._plan_wish(desk, wish, sitting(letter.arrived_at, 0))

    def _consider_page(self, desk: _Desk, letter: Letter) -> None:
        link = letter.link_to(MY_PAGE)
        if link is not None and letter.invites_to_her_page:
            at = desk.person.looks_at_her_page(letter.arrived_at, letter.words)
            self._plan(at, Phase.TALK, desk.person, letter, lambda key: self._look(link, key))

    def _plan_wish(self, desk: _Desk, wish: Wish, at: datetime) -> None:
        phase = Phase.TALK if wish.kind is WishKind.RESUME else Phase.GO
        key = name_of(desk.person.email, wish.kind, wish.at)
        self._agenda.add(Act(at, phase, key, lambda: self._fulfil(desk, wish, key)))

    # What they do -------------------------------------------------------------------------------

    async def _confirm(self, link: Link, key: str) -> None:
        page = await self._browser.open(link.url)
        await self._send(page, _CONFIRM, {}, key)

    async def _answer(self, person: Person, link: Link, answer: ProposalAnswer, key: str) -> None:
        page = await self._browser.open(link.url)
        wanted = "yes" if answer.says_yes else "no"
        for form in page.forms():
            if form.action == _ANSWER and form.given.get("says_yes") == wanted:
                chosen = {} if answer.says_yes else {"reason": answer.reason}
                done = (await self._browser.send(form, chosen, key)).is_done
                self.told.said_yes += done and answer.says_yes
                self.told.said_no += done and not answer.says_yes
                self.told.mentors_yes += done and answer.says_yes and "mentor" in person.roles
                self.told.too_late += not done
                return
        self._missed(page, _ANSWER)

    async def _check_in(self, link: Link, said: CheckInAnswer, key: str) -> None:
        page = await self._browser.open(link.url)
        if said.help_words is not None:
            await self._send(page, _HELP, {"text": said.help_words}, f"{key}-help")
        again = "yes" if said.meeting_again else "no"
        chosen = {"going": said.going, "next_step": said.next_step, "meeting_again": again}
        self.told.check_ins += await self._send(page, _CHECK_IN, chosen, key)

    async def _close(self, link: Link, said: CheckInAnswer, key: str) -> None:
        page = await self._browser.open(link.url)
        form = page.form_for(_CLOSE)
        about = thing_of(MY_PAGE, form.given["token"]) if form is not None else None
        if form is None or about != link.thing:
            return  # It has ended meanwhile; what her page offers to close is another one.
        offered = form.choices.get("reason") or []
        reasons = [reason for reason in offered if (reason == _GOALS_REACHED) is said.goals_reached]
        await self._browser.send(form, {"reason": reasons[0]} if reasons else {}, key)

    async def _look(self, link: Link, key: str) -> None:
        """If her page offers her the way back, she takes it."""
        page = await self._browser.open(link.url)
        form = page.form_for(_step(WishKind.RESUME))
        if form is not None:
            await self._browser.send(form, {}, key)

    async def _fulfil(self, desk: _Desk, wish: Wish, key: str) -> None:
        """Somebody does what she wants on her own page; with a new link, if hers has expired.

        One who takes part in both roles stays: which of the two she means would be hard to say.
        """
        if len(desk.pages) != 1:
            return
        (link,) = desk.pages.values()
        page = await self._browser.open(link.url)
        if (form := page.form_for(_step(wish.kind))) is not None:
            await self._browser.send(form, {}, key)
        elif (form := page.form_for(_NEW_LINK)) is not None and desk.wish is None:
            desk.wish = wish
            await self._browser.send(form, {"email": desk.person.email}, f"{key}-link")

    async def _send(self, page: Answer, action: str, chosen: Mapping[str, str], key: str) -> bool:
        form = page.form_for(action)
        if form is None:
            self._missed(page, action)
            return False
        return (await self._browser.send(form, chosen, key)).is_done

    def _missed(self, page: Answer, action: str) -> None:
        """A page that opens must hold its form; one that is refused says why."""
        if page.is_done:
            self._browser.surprises[f"no form for {action} on its page"] += 1


def _step(kind: WishKind) -> str:
    return f"/intake/me/{kind}"

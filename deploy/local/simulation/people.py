"""How a simulated person behaves. Pure: what she does depends on the seed, herself and the question.

Never on ids, on the order in which mail came, or on reminders: she makes up her mind when the first
message about a thing arrives. The rates are guesses at a plausible network, not findings.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum
from typing import Final

from deploy.local.simulation.chance import between, choose, draw

SITS_DOWN_AT: Final = time(17)
"""UTC. People see to their mail once a day, after work, and not at weekends: each instant more costs
the stepped clock steps, and all services their looks, for as many answers."""
_SATURDAY: Final = 5
_DAYS_A_WEEK: Final = 7

_NOT_NOW: Final = {
    "not_said": 4.0,
    "no_time_now": 3.0,
    "other_field": 2.0,
    "found_another_way": 1.0,
    "too_far": 1.0,
    "know_each_other": 0.3,
}
_NEXT_STEPS: Final = (
    "",
    "We write an application together.",
    "Vi besøger hendes arbejdsplads.",
    "Ми зустрінемося з її колегою.",
    "سنكتب السيرة الذاتية معًا.",
    "She shows me how a job interview goes.",
    "Vi øver os i at ringe til en arbejdsgiver.",
)
_CALLS_FOR_HELP: Final = (
    "",
    "We find no time that suits us both.",
    "Jeg er i tvivl om, hvordan vi kommer videre.",
    "Мені важко про це писати, зателефонуйте, будь ласка.",
    "أود أن أتحدث مع المنسقة.",
)


class Habit(StrEnum):
    """How somebody deals with her mail."""

    PROMPT = "prompt"
    LATE = "late"
    RARE = "rare"


class WishKind(StrEnum):
    """What somebody does of her own accord, on her own page. The value is the step's name there."""

    PAUSE = "pause"
    RESUME = "resume"
    LEAVE = "leave"
    ERASE = "erase"


class Level(IntEnum):
    """How well it goes, as a check-in asks."""

    HARD = 0
    MIXED = 1
    WELL = 2

    @property
    def code(self) -> str:
        """As the form has it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class ProposalAnswer:
    """When and how she answers a proposal. `reason` counts where she says no."""

    at: datetime
    says_yes: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CheckInAnswer:
    """When and how she answers a check-in.

    help_words: with which words she asks for help on the same page; None if she does not.
    closes: she then brings the mentorship to a close; `goals_reached` as her reason.
    """

    at: datetime
    going: str
    next_step: str
    meeting_again: bool
    help_words: str | None
    closes: bool
    goals_reached: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What she does of her own accord, and when."""

    kind: WishKind
    at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who takes part, known by her e-mail address: one character, in whichever roles."""

    seed: int
    email: str
    roles: frozenset[str]

    @property
    def habit(self) -> Habit:
        """The same all her life."""
        shares = {Habit.PROMPT: 0.68, Habit.LATE: 0.24, Habit.RARE: 0.08}
        return choose(shares, self.seed, self.email, "habit")

    @property
    def is_mentee_only(self) -> bool:
        """Whether the goals that may be reached are hers."""
        return self.roles == {"mentee"}

    def confirms(self, arrived: datetime) -> datetime | None:
        """When she confirms her address; None: never."""
        about = (self.seed, self.email, "confirm")
        return None if draw(*about) < 0.08 else sitting(arrived, between(0, 2, *about, "days"))

    def answers_proposal(self, arrived: datetime, words: str) -> ProposalAnswer | None:
        """What she does about a proposal; None: nothing. `words`: the message without its links."""
        about = (self.seed, self.email, "proposal", arrived, words)
        if draw(*about, "forgets") < self._forgets(prompt=0.02, late=0.06, rare=0.50):
            return None
        return ProposalAnswer(
            at=sitting(arrived, self._days(*about)),
            says_yes=draw(*about, "yes") >= 0.11,
            reason=choose(_NOT_NOW, *about, "reason"),
        )

    def answers_check_in(self, number: int, arrived: datetime) -> CheckInAnswer | None:
        """What she does about a check-in; None: nothing, she forgets it."""
        about = (self.seed, self.email, "check-in", number, arrived)
        if draw(*about, "forgets") < self._forgets(prompt=0.02, late=0.06, rare=0.50):
            return None
        levels = {Level.WELL: 0.72, Level.MIXED: 0.21, Level.HARD: 0.07}
        going = choose(levels, *about, "going")
        meets_again = draw(*about, "again") >= {Level.HARD: 0.45, Level.MIXED: 0.06}.get(going, 0.0)
        asks = draw(*about, "help") < {Level.HARD: 0.35, Level.MIXED: 0.04}.get(going, 0.005)
        reached = number >= 3 and self.is_mentee_only and draw(*about, "reached") < 0.03
        stops = not meets_again and draw(*about, "stops") < 0.5
        return CheckInAnswer(
            at=sitting(arrived, self._days(*about)),
            going=going.code,
            next_step=choose(dict.fromkeys(_NEXT_STEPS, 1.0), *about, "next"),
            meeting_again=meets_again,
            help_words=choose(dict.fromkeys(_CALLS_FOR_HELP, 1.0), *about, "words")
            if asks
            else None,
            closes=reached or stops,
            goals_reached=reached,
        )

    def looks_at_her_page(self, arrived: datetime, words: str) -> datetime | None:
        """When she follows an invitation to her own page; None: never."""
        about = (self.seed, self.email, "page", arrived, words)
        return None if draw(*about) < 0.4 else sitting(arrived, between(0, 9, *about, "days"))

    def wishes(self, begins: datetime) -> tuple[Wish, ...]:
        """What she will want of her own accord within a year, from when the simulation begins."""
        about = (self.seed, self.email, "wish")
        kinds = {None: 0.92, WishKind.PAUSE: 0.04, WishKind.LEAVE: 0.03, WishKind.ERASE: 0.01}
        kind = choose(kinds, *about)
        if kind is None:
            return ()
        first = sitting(begins, between(8, 360, *about, "day"))
        if kind is not WishKind.PAUSE:
            return (Wish(kind, first),)
        back = sitting(first, between(14, 45, *about, "break"))
        return (Wish(kind, first), Wish(WishKind.RESUME, back))

    def _forgets(self, *, prompt: float, late: float, rare: float) -> float:
        return {Habit.PROMPT: prompt, Habit.LATE: late, Habit.RARE: rare}[self.habit]

    def _days(self, *about: object) -> int:
        """Days until she gets round to it."""
        least, most = {Habit.PROMPT: (0, 2), Habit.LATE: (2, 6), Habit.RARE: (1, 8)}[self.habit]
        return between(least, most, *about, "days")


def sitting(after: datetime, days: int) -> datetime:
    """When people see to their mail `days` days on from the first time after `after`, or a Monday later."""
    at = datetime.combine(after.date(), SITS_DOWN_AT, after.tzinfo)
    at += timedelta(days=days if at > after else days + 1)
    is_weekend = at.weekday() >= _SATURDAY
    return at + timedelta(days=_DAYS_A_WEEK - at.weekday()) if is_weekend else at

"""What was last told of where mentors are missing. Pure. Nothing is told that has not changed."""

from dataclasses import dataclass

from services.matching.domain.round import Gap
from shared.decisions import Decision
from shared.events.pool import RecruitmentGap


@dataclass(frozen=True, slots=True)
class GapReport:
    """A city's gap as it was last told. Nobody waits: the gap is closed."""

    programme: str
    city: str
    waiting: int
    profession: str | None
    would_place: int

    @classmethod
    def of(cls, programme: str, gap: Gap) -> "GapReport":
        """The report of a gap that a round found."""
        return cls(programme, gap.city, gap.waiting, gap.profession, gap.would_place)

    @classmethod
    def closed(cls, programme: str, city: str) -> "GapReport":
        """The report that nobody waits in the city any more."""
        return cls(programme, city, waiting=0, profession=None, would_place=0)

    @property
    def report_id(self) -> str:
        """The city within its programme."""
        return f"{self.programme}.{self.city}"


def tell(told: GapReport | None, found: GapReport) -> Decision[GapReport] | None:
    """Tells the gap if it is another than the one told before."""
    if told == found:
        return None
    event = RecruitmentGap(
        programme=found.programme,
        city=found.city,
        waiting=found.waiting,
        profession=found.profession,
        would_place=found.would_place,
    )
    return Decision(found, (event,))

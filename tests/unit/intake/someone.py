"""Builders: people as they register, in the words of the domain."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.intake.domain.participant import Hashes, Origin, Participant, Status
from services.intake.domain.profile import Registration
from services.intake.domain.registering import Newcomer, settle, take_in
from shared.decisions import Decision
from shared.events.participants import KindOfHelp, Role, TimeOfWeek
from shared.events.programmes import Policy

PROGRAMME = "common-ground-dk"
CHARTER = "2026-1"
MONDAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Somebody:
    """Somebody at the door; every method gives a changed one."""

    registration: Registration

    def called(self, email: str) -> "Somebody":
        return Somebody(replace(self.registration, email=email))

    def naming(self, *emails: str) -> "Somebody":
        return Somebody(replace(self.registration, not_with=emails))

    def newcomer(
        self, participant_id: str = "p1", origin: Origin = Origin.WEB, time_zone: str = "UTC"
    ) -> Newcomer:
        return Newcomer(
            participant_id,
            PROGRAMME,
            self.registration,
            hashes_of(self.registration),
            origin,
            time_zone,
        )


def a_mentee() -> Somebody:
    return Somebody(
        Registration(
            role=Role.MENTEE,
            name="Олена",
            email="olena@example.org",
            phone=None,
            locale="uk",
            city="461",
            languages=("uk", "da"),
            profession="2211",
            wished_profession=None,
            education_level=7,
            education_field=None,
            kinds_of_help=(KindOfHelp.JOB_SEARCH,),
            interests=("running",),
            topics=(),
            availability=(TimeOfWeek.SAT_MORNING,),
            meets_online=True,
            seats=0,
            not_with=(),
            charter_version=CHARTER,
            goals=" A job as a doctor \n",
            request="",
            story="Моя історія",
        )
    )


def a_mentor() -> Somebody:
    mentee = a_mentee().registration
    return Somebody(replace(mentee, role=Role.MENTOR, email="karen@example.org", seats=2))


def hashes_of(registration: Registration) -> Hashes:
    """Readable stand-ins for keyed hashes."""
    return Hashes(
        identity=f"{registration.role}:{registration.email}",
        email=f"#{registration.email}",
        not_with=tuple(sorted(f"#{email}" for email in registration.not_with)),
    )


def registered(
    somebody: Somebody,
    policy: Policy | None = None,
    origin: Origin = Origin.WEB,
    now: datetime = MONDAY,
) -> Decision[Participant]:
    """She is in and public; the decision that made her so."""
    taken = take_in(None, somebody.newcomer(origin=origin), now)
    assert isinstance(taken, Decision)
    assert taken.state.status is Status.REGISTERING
    assert taken.state.person is not None
    settled = settle(
        taken.state, taken.state.person.hashes, NOBODY, NOBODY, policy or Policy(), now
    )
    assert settled is not None
    return settled

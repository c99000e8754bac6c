"""Programmes and their coordinators. Pure.

The programme itself is public to the services; a coordinator's name and address are not, so each
coordinator is an aggregate of her own, told on the stream `contacts`. Nothing is told that has not
changed.
"""

from dataclasses import dataclass
from typing import Any

from services.intake.domain.refusals import CoordinatorElsewhere
from shared.decisions import Decision, Refusal
from shared.events.contacts import ContactChanged, ContactErased, ContactRole
from shared.events.programmes import Charter, City, CoordinatorRef, Policy, ProgrammeChanged


@dataclass(frozen=True, slots=True)
class CharterText:
    """One version of the charter in plain words, a promise a line, in one language."""

    version: str
    locale: str
    text: str


@dataclass(frozen=True, slots=True)
class Programme:
    """Who runs a mentor network, and by which rules; the fields of `ProgrammeChanged`.

    Beside them what stays here: the charter's texts, which only pages show.
    """

    programme: str
    name: str
    policy: Policy
    charters: tuple[Charter, ...]
    cities: tuple[City, ...]
    coordinators: tuple[CoordinatorRef, ...]
    time_zone: str
    host_languages: tuple[str, ...]
    locales: tuple[str, ...]
    charter_texts: tuple[CharterText, ...] = ()

    @property
    def charters_in_force(self) -> frozenset[str]:
        """The versions that may be affirmed now."""
        return frozenset(charter.version for charter in self.charters if charter.in_force)

    @property
    def charter_to_affirm(self) -> str | None:
        """The newest version in force: the last that is listed."""
        in_force = [charter.version for charter in self.charters if charter.in_force]
        return in_force[-1] if in_force else None

    def promises(self, version: str, locale: str) -> tuple[str, tuple[str, ...]]:
        """The charter's promises, and the language that they are in: this one if there is a text."""
        texts = {each.locale: each.text for each in self.charter_texts if each.version == version}
        for known in (locale, *self.host_languages, "en", *texts):
            if known in texts:
                lines = (line.strip() for line in texts[known].splitlines())
                return known, tuple(line for line in lines if line)
        return locale, ()

    def coordinators_of(self, city: str) -> tuple[str, ...]:
        """Who looks after a city; everybody where nobody does."""
        responsible = [each for each in self.coordinators if city in each.cities]
        return tuple(each.coordinator_id for each in responsible or self.coordinators)


@dataclass(frozen=True, slots=True)
class Coordinator:
    """How to reach a coordinator; all of it empty once she `is_one` no longer.

    leads: she sees all cities, and who looked at whose contact data. sign_in_as: the identity
    provider's name (`sub`) for her, where it does not vouch for addresses.
    """

    coordinator_id: str
    programme: str
    name: str
    email: str
    locale: str
    time_zone: str
    is_one: bool = True
    leads: bool = False
    sign_in_as: str | None = None


def change_programme(state: Programme | None, wanted: Programme) -> Decision[Programme] | None:
    """Makes the programme what is wanted, and tells it if that is anything new."""
    if state == wanted:
        return None
    if state is not None and _fields(state) == _fields(wanted):
        return Decision(wanted)
    return Decision(wanted, (ProgrammeChanged(**_fields(wanted)),))


def name_coordinator(
    state: Coordinator | None, wanted: Coordinator
) -> Decision[Coordinator] | Refusal | None:
    """Makes somebody a coordinator, or changes how to reach her. Ids are never shared."""
    if state is not None and state.programme != wanted.programme:
        return CoordinatorElsewhere()
    if state == wanted:
        return None
    changed = ContactChanged(
        programme=wanted.programme,
        participant_id=wanted.coordinator_id,
        role=ContactRole.COORDINATOR,
        name=wanted.name,
        email=wanted.email,
        locale=wanted.locale,
        time_zone=wanted.time_zone,
    )
    return Decision(wanted, (changed,))


def dismiss_coordinator(state: Coordinator | None) -> Decision[Coordinator] | None:
    """She is no longer a coordinator: her contact is forgotten everywhere."""
    if state is None or not state.is_one:
        return None
    gone = Coordinator(state.coordinator_id, state.programme, "", "", "", "", is_one=False)
    erased = ContactErased(programme=state.programme, participant_id=state.coordinator_id)
    return Decision(gone, (erased,))


def _fields(programme: Programme) -> dict[str, Any]:
    return {
        "programme": programme.programme,
        "name": programme.name,
        "policy": programme.policy,
        "charters": programme.charters,
        "cities": programme.cities,
        "coordinators": programme.coordinators,
        "time_zone": programme.time_zone,
        "host_languages": programme.host_languages,
        "locales": programme.locales,
    }

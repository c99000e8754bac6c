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
class Programme:
    """Who runs a mentor network, and by which rules; the fields of `ProgrammeChanged`."""

    programme: str
    name: str
    policy: Policy
    charters: tuple[Charter, ...]
    cities: tuple[City, ...]
    coordinators: tuple[CoordinatorRef, ...]
    time_zone: str
    host_languages: tuple[str, ...]
    locales: tuple[str, ...]

    @property
    def charters_in_force(self) -> frozenset[str]:
        """The versions that may be affirmed now."""
        return frozenset(charter.version for charter in self.charters if charter.in_force)


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

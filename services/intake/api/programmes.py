"""What operators do: make and change programmes. `PUT` says how one is to be, and may be repeated."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.intake.api.asking import TheCause, TheIntake, problem
from services.intake.api.values import EmailAddress, Id, Locale, Name, PlainText, TimeZone
from services.intake.domain.programme import CharterText, Coordinator, Programme
from shared.decisions import Refusal
from shared.events.programmes import Charter, City, CoordinatorRef, Policy
from shared.web.access import operator
from shared.web.languages import LOCALES

router = APIRouter(dependencies=[Depends(operator)])


class CoordinatorForm(BaseModel):
    """A coordinator: her cities, her deputy, and how to reach her."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    coordinator_id: Id
    name: Name
    email: EmailAddress
    locale: Locale = "en"
    time_zone: TimeZone = "Europe/Copenhagen"
    cities: tuple[str, ...]
    deputy: Id | None = None
    leads: bool = False
    sign_in_as: Name | None = None


class ProgrammeForm(BaseModel):
    """A programme as it is to be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    policy: Policy = Policy()
    charters: Annotated[tuple[Charter, ...], Field(min_length=1)]
    cities: Annotated[tuple[City, ...], Field(min_length=1)]
    coordinators: tuple[CoordinatorForm, ...] = ()
    time_zone: TimeZone = "Europe/Copenhagen"
    host_languages: tuple[Name, ...] = ("da",)
    locales: tuple[Locale, ...] = LOCALES
    charter_texts: dict[str, dict[Locale, PlainText]] = {}

    @model_validator(mode="after")
    def _refers_only_to_what_is_there(self) -> Self:
        cities = {city.code for city in self.cities}
        ids = {coordinator.coordinator_id for coordinator in self.coordinators}
        if len(ids) < len(self.coordinators):
            raise ValueError("Two coordinators have the same coordinator_id.")
        for coordinator in self.coordinators:
            unknown = sorted(set(coordinator.cities) - cities)
            if unknown:
                raise ValueError(f"A coordinator's cities {unknown} are not in the programme.")
            if coordinator.deputy is not None and coordinator.deputy not in ids:
                raise ValueError("A deputy is not among the coordinators.")
        unknown = sorted(set(self.charter_texts) - {charter.version for charter in self.charters})
        if unknown:
            raise ValueError(f"There are texts of {unknown}, which are no versions of the charter.")
        return self

    def programme(self, programme: str) -> Programme:
        """What the services are told."""
        return Programme(
            programme=programme,
            name=self.name,
            policy=self.policy,
            charters=self.charters,
            cities=self.cities,
            coordinators=tuple(
                CoordinatorRef(
                    coordinator_id=each.coordinator_id, cities=each.cities, deputy=each.deputy
                )
                for each in self.coordinators
            ),
            time_zone=self.time_zone,
            host_languages=self.host_languages,
            locales=self.locales,
            charter_texts=tuple(
                CharterText(version, locale, text)
                for version, texts in self.charter_texts.items()
                for locale, text in texts.items()
            ),
        )

    def contacts(self, programme: str) -> list[Coordinator]:
        """What notifications is told."""
        return [
            Coordinator(
                each.coordinator_id,
                programme,
                each.name,
                each.email,
                each.locale,
                each.time_zone,
                leads=each.leads,
                sign_in_as=each.sign_in_as,
            )
            for each in self.coordinators
        ]


async def _form(request: Request) -> ProgrammeForm:
    """Read as JSON by pydantic itself: the values of the contract are strict, its lists tuples."""
    try:
        return ProgrammeForm.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError(
            error.errors(include_url=False, include_input=False, include_context=False)
        ) from None


_SCHEMA = {
    "requestBody": {"content": {"application/json": {"schema": ProgrammeForm.model_json_schema()}}}
}


@router.put("/programmes/{programme}", openapi_extra=_SCHEMA)
async def change_programme(
    programme: Annotated[Id, Path()],
    form: Annotated[ProgrammeForm, Depends(_form)],
    intake: TheIntake,
    cause: TheCause,
) -> dict[str, Any]:
    """Makes the programme what the body says. Told to the services only if it differs."""
    outcome = await intake.change_programme(
        form.programme(programme), form.contacts(programme), cause
    )
    if outcome.refusal is not None:
        raise problem(outcome.refusal)
    return {"programme": programme, "changed": bool(outcome.event_ids)}


@router.get("/programmes/{programme}")
async def programme(programme: str, intake: TheIntake) -> dict[str, Any]:
    """The programme as it is, in the form that `PUT` takes."""
    found = await intake.programme(programme)
    if isinstance(found, Refusal):
        raise problem(found)
    references = {each.coordinator_id: each for each in found.coordinators}
    reached = await intake.store.coordinators.load(references)
    return {
        "name": found.name,
        "policy": found.policy.model_dump(mode="json"),
        "charters": [charter.model_dump(mode="json") for charter in found.charters],
        "cities": [city.model_dump(mode="json") for city in found.cities],
        "coordinators": [
            {
                **{
                    name: value
                    for name, value in asdict(reached[each]).items()
                    if name not in ("programme", "is_one")
                },
                "cities": list(reference.cities),
                "deputy": reference.deputy,
            }
            for each, reference in references.items()
        ],
        "time_zone": found.time_zone,
        "host_languages": list(found.host_languages),
        "locales": list(found.locales),
        "charter_texts": _texts(found.charter_texts),
    }


def _texts(texts: Iterable[CharterText]) -> dict[str, dict[str, str]]:
    """By version, then by language."""
    found: dict[str, dict[str, str]] = {}
    for each in texts:
        found.setdefault(each.version, {})[each.locale] = each.text
    return found

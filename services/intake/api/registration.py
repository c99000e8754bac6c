"""What anybody may do: register, and ask for a link. The answer never tells who is known."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from services.intake.api.asking import TheCause, TheIntake, admit, alike, problem, sent
from services.intake.api.pages import say
from services.intake.api.values import Name, OwnText, TimeZone, Word, Words, normal_address
from services.intake.domain.form import columns
from services.intake.domain.participant import Participant
from shared.decisions import Refusal
from shared.web.forms import wants_page
from shared.web.idempotency import Idempotent
from shared.web.languages import negotiate

_ACCEPTED: Final = {"accepted": True}
_ALIKE: Final = [Depends(admit), Depends(alike, scope="function")]

router = APIRouter()


class Form(BaseModel):
    """What somebody may fill in about herself. Strict: there is no field that is not here."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Word = ""
    phone: Word | None = None
    locale: Word = ""
    time_zone: TimeZone | None = None
    city: Word = ""
    languages: Words = []
    profession: Word | None = None
    wished_profession: Word | None = None
    education_level: Annotated[int, Field(ge=0, le=8)] | None = None
    education_field: Word | None = None
    kinds_of_help: Words = []
    interests: Words = []
    topics: Words = []
    availability: Words = []
    meets_online: bool = False
    seats: Annotated[int, Field(ge=0, le=5)] = 0
    not_with: Words = []
    goals: OwnText = ""
    request: OwnText = ""
    story: OwnText = ""
    shows: Words = []


class RegistrationForm(Form):
    """A registration: all of the form, with role, address and charter."""

    role: Word
    name: Name
    email: Word
    charter: Word


def _accepted(_: Participant) -> dict[str, Any]:
    return _ACCEPTED


@router.post("/programmes/{programme}/participants", status_code=202, dependencies=_ALIKE)
async def register(
    programme: str, form: RegistrationForm, intake: TheIntake, cause: TheCause, key: Idempotent
) -> dict[str, Any]:
    """Registers somebody. 202 whether or not the address is known; what comes next comes by mail."""
    found = await intake.programme(programme)
    if isinstance(found, Refusal):
        raise problem(found)
    fields = columns(form.model_dump(exclude={"time_zone"}))
    once = key.answering(_accepted)
    refusal = await intake.register(found, fields, form.time_zone, once, cause)
    if refusal is not None:
        raise problem(refusal)
    return _ACCEPTED


@router.post("/link", status_code=202, dependencies=_ALIKE)
async def send_link(
    request: Request, intake: TheIntake, cause: TheCause, key: Idempotent
) -> Response:
    """Sends a fresh link to the address, if it is known, for each programme and role."""
    fields = await sent(request, "email")
    email = normal_address(str(fields.get("email", "")))
    if email is not None:
        await intake.send_link(email, key.answering(_accepted), cause)
    if wants_page(request):
        return await say(request, negotiate(request), "link_sent")
    return JSONResponse(_ACCEPTED, 202)

"""Who sits at the desk, and how her pages are shown. Every page of the desk goes through here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from services.intake.api.asking import TheCause, TheIntake
from services.intake.desk.desk import Desk
from services.intake.desk.signing_in import PAGES, remember
from services.intake.desk.words import Words
from services.intake.domain.programme import Programme
from services.intake.domain.refusals import NoSuchProgramme
from services.intake.service import Intake
from shared.security.sessions import Session, Sessions, StaffRole
from shared.storage.changes import Cause
from shared.web.access import Caller
from shared.web.back import SignedIn, sign_in_first
from shared.web.languages import LOCALES, negotiate
from shared.web.problems import problem_of

DONE = frozenset({"approve", "withdraw", "swap", "handled", "answered", "close", "screen", "note"})
"""What a form that leads back here may have done."""
REFUSED = frozenset(
    {"already-decided", "does-not-fit", "seat-taken", "pair-known", "match-unknown",
     "participant-unknown", "form-out-of-date", "not-now", "note-refused"}
)  # fmt: skip
"""Why it may not have done it; of other reasons the page says only that it was not done."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who sits at the desk, with her scope as it is at this moment."""

    request: Request
    caller: Caller
    programme: Programme
    intake: Intake
    desk: Desk
    cause: Cause
    locale: str

    @property
    def cities(self) -> frozenset[str] | None:
        """Her cities; None is all of the programme."""
        return self.caller.scope.cities

    @property
    def words(self) -> Words:
        """Codes in her language."""
        return Words(self.locale, self.programme, self.intake.tables)

    def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """A page of the desk. Her session is good for another hour."""
        sessions: Sessions = self.request.app.state.runtime.sessions
        session = self.caller.session
        query = self.request.query_params
        done, refused = query.get("done"), query.get("refused")
        answer = PAGES.render(
            template,
            self.locale,
            status=status,
            request=self.request,
            programme=self.programme,
            words=self.words,
            form_token=sessions.token_on_page(session),
            here=f"/intake{self.request.url.path}",
            leads=self.caller.scope.has_all_of(self.programme.programme),
            done=done if done in DONE else None,
            refused=None if refused is None else refused if refused in REFUSED else "other",
            **context,
        )
        if session is not None:
            kept = sessions.renew(session, self.caller.scope)
            remember(self.request, answer, kept)
        return answer

    async def names(self, people: Mapping[str, Any], where: str) -> Mapping[str, str]:
        """What these people are called; that they were shown is on record before this returns."""
        return await self.desk.names(
            self.caller, self.programme, people.values(), where, self.cause
        )


async def visit(
    request: Request,
    caller: SignedIn,
    intake: TheIntake,
    cause: TheCause,
    programme: Annotated[str | None, Query(max_length=64)] = None,
) -> Visit:
    """The visit, with her posts looked up anew: a session says who she is, not what she still is."""
    desk: Desk = request.app.state.desk
    locale = negotiate(request)
    if caller.session is not None and caller.role is StaffRole.COORDINATOR:
        caller, locale = await _still(request, caller, caller.session, intake, desk)
    wanted = caller.scope.programme or programme or await _first(intake)
    found = await intake.programme(wanted)
    if isinstance(found, NoSuchProgramme) or not caller.scope.has(wanted):
        raise problem_of(NoSuchProgramme())
    return Visit(request, caller, found, intake, desk, cause, locale)


async def _still(
    request: Request, caller: Caller, session: Session, intake: Intake, desk: Desk
) -> tuple[Caller, str]:
    scope = await desk.scope_now(session.subject)
    hers = await intake.store.coordinators.get(session.subject)
    if scope is None or hers is None or scope.programme != session.scope.programme:
        raise sign_in_first(request)
    asked = request.query_params.get("lang", "")
    locale = asked if asked in LOCALES else hers.locale if hers.locale in LOCALES else "en"
    return replace(caller, scope=scope), locale


async def _first(intake: Intake) -> str:
    """For those who see every programme: the first one, if they name none."""
    return min(await intake.store.programmes.ids({}), default="")


TheVisit = Annotated[Visit, Depends(visit)]

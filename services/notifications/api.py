"""HTTP in: coordinators look up which messages went out or failed; mail servers hand in bounces.

Ids and kinds, never text.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from services.notifications.domain.message import Message, Stage
from services.notifications.returning import Returning
from services.notifications.settings import Settings
from services.notifications.store import Store
from shared.events.messages import FailureReason, MessageKind
from shared.security.keys import scope_of
from shared.web.access import Coordinator, bearer_token
from shared.web.problems import Problem

_PAGE = 100
_LARGEST_REPORT = 2 * 1024 * 1024


class MessageShown(BaseModel):
    """One message as a coordinator sees it."""

    message_id: str
    recipient_id: str
    kind: MessageKind
    status: Stage
    because_of: str
    match_id: str | None
    check_in_number: int | None
    asked_at: datetime
    send_at: datetime | None
    sent_at: datetime | None
    attempts: int
    resent: int
    failure: FailureReason | None

    @classmethod
    def of(cls, message: Message) -> "MessageShown":
        """Without anything personal: that is not in the message once it is done, nor shown before."""
        return cls(
            message_id=message.message_id,
            recipient_id=message.recipient_id,
            kind=message.kind,
            status=message.stage,
            because_of=message.because_of,
            match_id=message.match_id,
            check_in_number=message.check_in_number,
            asked_at=message.asked_at,
            send_at=message.send_at,
            sent_at=message.sent_at,
            attempts=message.attempts,
            resent=message.resent,
            failure=message.failure,
        )


class MessagesShown(BaseModel):
    """One page of messages; `next` is the cursor of the following one, or None."""

    messages: list[MessageShown]
    next: str | None


def bounce_routes(returning: Returning) -> APIRouter:
    """Where mail servers hand in what came back."""
    routes = APIRouter()

    @routes.post("/bounces")
    async def bounces(request: Request) -> dict[str, str]:
        """One delivery report (RFC 3464) as the body, as it came. For holders of a bounce key."""
        settings: Settings = request.app.state.runtime.settings
        hashes = [kept for kept in settings.bounce_key_hashes.split(",") if kept]
        if scope_of(bearer_token(request) or "", hashes) is None:
            detail = "Send a key for bounces in the header 'Authorization: Bearer …'."
            raise Problem(401, "A key is needed", detail, headers={"WWW-Authenticate": "Bearer"})
        raw = await request.body()
        if len(raw) > _LARGEST_REPORT:
            raise Problem(413, "Too large", f"A report has at most {_LARGEST_REPORT} bytes.")
        return {"result": await returning.take(raw)}

    return routes


def router(store: Store) -> APIRouter:
    """The routes of this service."""
    routes = APIRouter()

    @routes.get("/messages")
    async def messages(
        caller: Coordinator,
        recipient: str | None = None,
        status: Stage | None = None,
        kind: MessageKind | None = None,
        match: str | None = None,
        programme: str | None = None,
        after: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = _PAGE,
    ) -> MessagesShown:
        """Messages of the caller's cities by their ids, filtered by any of the parameters.

        A message belongs to the city of the event that asked for it.
        """
        scope = caller.scope
        if programme is not None and not scope.has(programme):
            return MessagesShown(messages=[], next=None)
        filters = {
            "recipient_id": recipient,
            "stage": status.value if status is not None else None,
            "kind": kind.value if kind is not None else None,
            "match_id": match,
            "programme": programme or scope.programme,
        }
        found = [
            MessageShown.of(message)
            async for _id, message in store.listed(filters, scope.cities, after=after, limit=limit)
        ]
        more = len(found) == limit
        return MessagesShown(messages=found, next=found[-1].message_id if more else None)

    return routes

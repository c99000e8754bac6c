"""Every HTTP request, as metrics and traces see it: outermost, so that what is refused counts as well.

What must stay true: a request is known by its method, the template of its route and its status, never by
its path, query or body, which hold ids and signed links.
"""

import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability.metrics import Metrics
from shared.observability.traces import Answered, Traces

_FOR_THE_MACHINE: Final = ("/internal/", "/health/", "/metrics")
_NO_ROUTE: Final = "none"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Observed:
    """Measures each request, and has it belong to a trace. The machine's own questions are not counted: they would drown the rest."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, traces: Traces) -> None:
        self._app = app
        self._traces = traces
        self._durations = metrics.histogram(
            "http_request_duration_seconds",
            "From the request's head to the end of its answer; a stream of events counts when it ends",
            "method",
            "route",
            "status",
            buckets=_BUCKETS_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through, and notes how it went."""
        if scope["type"] != "http" or scope["path"].startswith(_FOR_THE_MACHINE):
            await self._app(scope, receive, send)
            return
        method = _method_of(scope)
        answered = Answered()
        began = time.perf_counter()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
            await send(message)

        with self._traces.request(method, _traceparent_of(scope), answered):
            try:
                await self._app(scope, receive, answer)
            finally:
                answered.route = route_of(scope)
                self._durations.labels(method, answered.route, answered.status).observe(
                    time.perf_counter() - began
                )


def _method_of(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else "other"


def _traceparent_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return bytes(value).decode("latin-1")
    return ""


def route_of(scope: Scope) -> str:
    """The template of the route that answered, as in `/matches/{match_id}`; `none` if there was none."""
    return getattr(scope.get("route"), "path", None) or _NO_ROUTE

"""Events in: which stream goes to which use case."""

from services.intake.following import Following
from shared.events.streams import CARE, CHECK_INS, MATCHES, MESSAGES, POOL
from shared.runtime import Runtime


def subscribe(runtime: Runtime, following: Following) -> None:
    """Subscribes intake to the streams that it follows."""
    runtime.on(MATCHES)(following.matches)
    runtime.on(POOL)(following.pool)
    runtime.on(CHECK_INS)(following.check_ins)
    runtime.on(CARE)(following.care)
    runtime.on(MESSAGES)(following.messages)

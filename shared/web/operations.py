"""HTTP in, the same in every service: what operators see and do about parked events."""

from dataclasses import asdict

from aiokafka.errors import KafkaError
from fastapi import APIRouter

from shared.messaging.release import Parking
from shared.web.access import Operator
from shared.web.problems import Problem


def operator_routes(parking: Parking) -> APIRouter:
    """`GET /parked` counts what waits; `POST /parked/release` gives it another try."""
    router = APIRouter()

    @router.get("/parked")
    async def parked(_: Operator) -> dict[str, int]:
        """How many subjects wait behind an event, and how many records were set aside alone."""
        return asdict(await parking.parked())

    @router.post("/parked/release")
    async def release(_: Operator) -> dict[str, int]:
        """Hands all that is parked to its handler again, in order: after what it failed on is mended."""
        try:
            return asdict(await parking.release())
        except KafkaError as error:
            detail = f"Kafka does not answer ({type(error).__name__}); please try again."
            raise Problem(503, "Not available just now", detail) from None

    return router

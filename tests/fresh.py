"""Clean ground for a test on an engine that it shares with others."""

import uuid
from typing import Any

from pymongo import MongoClient

from deploy.local.engines import SERVICES, Engine


class Fresh:
    """Clean ground for one test on a shared engine."""

    def __init__(self) -> None:
        self.tag = uuid.uuid4().hex[:12]

    def group(self, name: str) -> str:
        """A consumer group of this test alone."""
        return f"{name}-{self.tag}"

    def empty(self, engine: Engine) -> None:
        """Remove every document of the five databases; collections and indexes stay."""
        client: MongoClient[dict[str, Any]] = MongoClient(engine.addresses.mongodb_admin)
        with client:
            for service in SERVICES:
                database = client[service]
                for name in database.list_collection_names(filter={"type": "collection"}):
                    if not name.startswith("system."):
                        database[name].delete_many({})

"""Reads every document of the five databases."""

from dataclasses import dataclass
from typing import Any, Final

from pymongo import AsyncMongoClient

Document = dict[str, Any]

SERVICES: Final = ("intake", "matching", "notifications", "followup", "streams")


@dataclass(frozen=True, slots=True)
class Stores:
    """All documents, by service and collection. `journal` keeps only what the books need."""

    documents: dict[tuple[str, str], list[Document]]
    journal: list[Document]

    def of(self, service: str, collection: str) -> list[Document]:
        """The documents of one collection."""
        return self.documents.get((service, collection), [])

    def of_service(self, service: str) -> list[Document]:
        """All documents of one service."""
        return [
            document
            for (owner, _), documents in self.documents.items()
            if owner == service
            for document in documents
        ]


async def read_stores(admin_url: str) -> Stores:
    """Reads everything but the values of events."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(admin_url, tz_aware=True)
    documents: dict[tuple[str, str], list[Document]] = {}
    journal: list[Document] = []
    try:
        for service in SERVICES:
            database = client[service]
            for name in sorted(await database.list_collection_names()):
                if (service, name) == ("streams", "journal"):
                    fields = {"stream": 1, "subject": 1, "sequence": 1, "position": 1}
                    journal = await database[name].find({}, fields).to_list(None)
                else:
                    fields = {"outbox.value": 0, "outbox.headers": 0, "last": 0}
                    found = await database[name].find({}, fields).to_list(None)
                    documents[service, name] = found
    finally:
        await client.close()
    return Stores(documents, journal)

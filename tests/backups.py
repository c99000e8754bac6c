"""A service's whole database, copied and put back: what a restore from a backup leaves."""

from typing import Any

from pymongo import AsyncMongoClient

from deploy.local.engines import Engine

Copy = dict[str, list[dict[str, Any]]]
"""The documents of each collection."""


async def copy_of(engine: Engine, name: str) -> Copy:
    """The database of a service as it is now."""
    async with AsyncMongoClient[dict[str, Any]](engine.addresses.mongodb_admin) as client:
        database = client[name]
        names = await database.list_collection_names()
        return {each: await database[each].find({}).to_list(None) for each in names}


async def put_back(engine: Engine, name: str, copy: Copy) -> int:
    """Returns how many documents had been otherwise, or not there. The service must be stopped."""
    now = await copy_of(engine, name)
    async with AsyncMongoClient[dict[str, Any]](engine.addresses.mongodb_admin) as client:
        changed = 0
        for each, documents in now.items():
            kept = copy.get(each, [])
            known = {document["_id"]: document for document in kept}
            changed += sum(known.get(document["_id"]) != document for document in documents)
            await client[name][each].delete_many({})
            if kept:
                await client[name][each].insert_many(kept)
        return changed

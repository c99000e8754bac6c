"""Whether the broker has forgotten what the databases still know.

The embedded broker keeps nothing over a restart, MongoDB keeps everything. Then the services are
started with `RESEND_STATE=1`, and each sends its current state again (production needs the same
after the loss of a broker).
"""

from collections.abc import Sequence

from pymongo import AsyncMongoClient

from deploy.local.broker import EndOffsets


async def must_resend(ends: EndOffsets, mongodb_admin: str, databases: Sequence[str]) -> bool:
    """True if no topic holds a record although one of the services' databases holds a document.

    mongodb_admin: URL of a user who may read them; empty where we were given none, and then the
    answer is no, since that MongoDB and that broker are not ours to judge.
    """
    if not mongodb_admin or any(any(offsets.values()) for offsets in ends.values()):
        return False
    async with AsyncMongoClient[dict[str, object]](mongodb_admin) as client:
        for name in databases:
            for collection in await client[name].list_collection_names():
                if await client[name][collection].find_one({}, {"_id": 1}) is not None:
                    return True
    return False

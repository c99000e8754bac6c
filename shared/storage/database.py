"""One service's database: durable writes, times in UTC, and which errors only mean 'later'."""

from typing import Any, Final, TypeAlias

from bson.codec_options import CodecOptions
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
)
from pymongo import ReadPreference, WriteConcern, helpers_shared
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    NotPrimaryError,
    WriteConcernError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern

Document: TypeAlias = dict[str, Any]
MotorCollection: TypeAlias = AsyncIOMotorCollection[Document]
MotorSession: TypeAlias = AsyncIOMotorClientSession

STORAGE_AWAY: Final = (
    AutoReconnect,
    ConnectionFailure,
    CursorNotFound,
    NotPrimaryError,
    ExecutionTimeout,
    WTimeoutError,
    WriteConcernError,
)
"""Errors that say nothing about the work itself: wait and do it again."""

_NOT_READY_YET: Final = frozenset({134, 211})
"""`ReadConcernMajorityNotAvailableYet` and `KeyNotFound`: members that have just come back, or been elected,
cannot read yet, or do not know the keys yet with which cluster times are signed. The driver says
`OperationFailure`, as of a request that is wrong: people would get a 500, and events would be parked. Here
both count as what they are, a node that is recovering."""
helpers_shared._NOT_PRIMARY_CODES |= _NOT_READY_YET  # noqa: SLF001

_SERVER_SELECTION_MS: Final = 5_000
_SOCKET_TIMEOUT_MS: Final = 30_000
_WRITE_TIMEOUT_MS: Final = 10_000


class Database:
    """The database that the URL names, with majority writes that are in the journal."""

    def __init__(self, url: str) -> None:
        self._client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
            url,
            serverSelectionTimeoutMS=_SERVER_SELECTION_MS,
            socketTimeoutMS=_SOCKET_TIMEOUT_MS,
            retryWrites=True,
        )
        self._database = self._client.get_default_database(
            codec_options=CodecOptions(tz_aware=True),
            write_concern=WriteConcern(w="majority", j=True, wtimeout=_WRITE_TIMEOUT_MS),
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )

    @property
    def name(self) -> str:
        """The database's name, which is the service's."""
        return self._database.name

    def collection(self, name: str) -> MotorCollection:
        """A collection of this database."""
        return self._database[name]

    async def session(self) -> MotorSession:
        """A session for a transaction; the caller ends it (`async with`)."""
        return await self._client.start_session()

    async def ping(self) -> None:
        """Raises one of `STORAGE_AWAY` if the primary does not answer."""
        await self._database.command("ping")

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()

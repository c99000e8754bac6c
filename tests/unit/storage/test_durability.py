"""The settings that docs/reliability.md rests on, where MongoDB and leases are concerned."""

from typing import Any

import pytest
from pymongo import ReadPreference, helpers_shared

from services.matching.settings import Settings
from shared.messaging import consumption
from shared.messaging.broker import HEARTBEAT_MS, MAX_POLL_INTERVAL_MS, SESSION_TIMEOUT_MS
from shared.storage.database import STORAGE_AWAY, Database


def a_database() -> Database:
    return Database("mongodb://127.0.0.1:1/intake")


async def test_a_write_counts_when_a_majority_has_it_in_the_journal() -> None:
    database = a_database()._database
    written = database.write_concern.document
    assert (written["w"], written["j"]) == ("majority", True)
    assert written["wtimeout"] > 0


async def test_what_is_read_cannot_be_rolled_back() -> None:
    database = a_database()._database
    assert database.read_concern.level == "majority"
    assert database.read_preference == ReadPreference.PRIMARY


async def test_a_write_that_lost_its_connection_is_repeated_by_the_driver() -> None:
    options: Any = a_database()._client.options
    assert options.retry_writes is True


def test_a_batch_is_given_back_long_before_kafka_takes_the_partitions_away() -> None:
    assert consumption._GIVE_BACK_AFTER_S * 1_000 * 2 <= MAX_POLL_INTERVAL_MS


def test_a_session_survives_two_lost_heartbeats() -> None:
    assert HEARTBEAT_MS * 3 <= SESSION_TIMEOUT_MS == 6_000


def test_a_lease_is_longer_than_a_session() -> None:
    seconds = Settings.model_fields["lease_seconds"].default
    assert seconds * 1_000 > SESSION_TIMEOUT_MS


@pytest.mark.parametrize("code", [134, 211, 10107, 11600, 13436, 43])
def test_a_member_that_cannot_serve_yet_is_away_and_no_error_of_the_work(code: int) -> None:
    answer = {"ok": 0, "errmsg": "not now", "code": code}
    with pytest.raises(STORAGE_AWAY):
        helpers_shared._check_command_response(answer, None)

"""The engine `external`: addresses from the environment, and nothing created unasked."""

from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.local.engines import Engine, EngineError, open_engine
from deploy.local.engines.external import ExternalEngine

WRITES = "w=majority&journal=true&retryWrites=true"


def test_a_template_gives_each_service_its_own_url(tmp_path: Path) -> None:
    environment = {
        "KAFKA_URL": "one:9092,two:9092",
        "MONGODB_URL": "mongodb+srv://{service}:{password}@cluster.test/{service}",
        "MONGODB_PASSWORD_INTAKE": "p@ss/word",
    }
    with ExternalEngine(tmp_path / "external", environment) as engine:
        assert engine.addresses.kafka == ("one:9092", "two:9092")
        assert engine.addresses.mongodb_admin == ""
        url = engine.mongodb_url("intake")
        assert url == f"mongodb+srv://intake:p%40ss%2Fword@cluster.test/intake?{WRITES}"
        with pytest.raises(EngineError, match="MONGODB_PASSWORD_MATCHING"):
            engine.mongodb_url("matching")


@pytest.mark.parametrize("missing", ["KAFKA_URL", "MONGODB_URL"])
def test_a_missing_address_is_named(tmp_path: Path, missing: str) -> None:
    environment = {"KAFKA_URL": "one:9092", "MONGODB_URL": "mongodb://{service}@h/{service}"}
    del environment[missing]
    with pytest.raises(EngineError, match=missing):
        ExternalEngine(tmp_path, environment).start()


def test_users_are_created_only_when_asked_for(embedded: Engine, tmp_path: Path) -> None:
    environment = {
        "KAFKA_URL": embedded.addresses.kafka[0],
        "MONGODB_URL": embedded.addresses.mongodb_admin,
    }
    with (
        ExternalEngine(tmp_path, environment) as engine,
        pytest.raises(EngineError, match="MONGODB_CREATE_USERS=yes"),
    ):
        engine.mongodb_url("intake")
    assert not (tmp_path / "mongodb.json").exists()


def test_created_users_may_use_their_own_database_only(tmp_path: Path) -> None:
    with open_engine("embedded", var=tmp_path / "elsewhere") as elsewhere:
        environment = {
            "KAFKA_URL": elsewhere.addresses.kafka[0],
            "MONGODB_URL": elsewhere.addresses.mongodb_admin,
            "MONGODB_CREATE_USERS": "yes",
        }
        with ExternalEngine(tmp_path / "external", environment) as engine:
            url = engine.mongodb_url("intake")
            assert url != elsewhere.mongodb_url("intake")
            assert url.count("retryWrites") == 1
            own: MongoClient[dict[str, Any]] = MongoClient(url)
            with own as client:
                client.intake.probe.insert_one({"_id": "own"})
                with pytest.raises(OperationFailure, match="not authorized"):
                    client.matching.probe.find_one()


def test_what_runs_elsewhere_is_not_wiped(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="removes no data"):
        ExternalEngine(tmp_path, {}).wipe()

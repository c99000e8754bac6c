"""The engine `containers`, where Docker runs: the same promises as the others."""

from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.local.engines import ClusterTooLarge, EngineError, open_engine
from deploy.local.topics import apply


@pytest.mark.containers
async def test_containers_keep_the_promises_of_an_engine(tmp_path: Path) -> None:
    with open_engine("containers", var=tmp_path) as engine:
        assert (await apply(engine.addresses, "local")).different == ()
        own: MongoClient[dict[str, Any]] = MongoClient(engine.mongodb_url("intake"))
        with own as client:
            client.intake.probe.insert_one({"_id": "own"})
            with pytest.raises(OperationFailure, match="not authorized"):
                client.matching.probe.find_one()


def test_containers_are_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(ClusterTooLarge, match="choose `apache`"):
        open_engine("containers", var=tmp_path, brokers=3)


def test_containers_have_no_addresses_before_they_start(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"start\(\) it first"):
        open_engine("containers", var=tmp_path).mongodb_url("intake")

"""The embedded engine: real processes, real users, restarts and crashes."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.engines import SERVICES, Engine, EngineError, mongod, open_engine
from deploy.local.engines.spawn import free_ports
from tests.fresh import Fresh

Client = MongoClient[dict[str, Any]]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Engine]:
    """An engine of this test alone, which it may kill."""
    with open_engine("embedded", var=tmp_path) as engine:
        yield engine


def until(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait until it holds, or fail."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def connect(url: str) -> Client:
    return MongoClient(url, serverSelectionTimeoutMS=10_000)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_use_its_own_database_and_no_other(embedded: Engine, service: str) -> None:
    with connect(embedded.mongodb_url(service)) as client:
        client[service].probe.insert_one({"_id": "own"})
        assert client.get_default_database().name == service
        for other in set(SERVICES) - {service}:
            for attempt in (client[other].probe.find_one, lambda o=other: write(client, o)):
                with pytest.raises(OperationFailure, match="not authorized"):
                    attempt()


def write(client: Client, database: str) -> None:
    client[database].probe.insert_one({})


def test_nobody_gets_in_without_a_password(embedded: Engine) -> None:
    host = embedded.mongo_nodes[0].address
    with (
        connect(f"mongodb://{host}/?directConnection=true") as client,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        client.intake.probe.find_one()


def test_a_service_writes_journaled_by_a_majority_and_repeats(embedded: Engine) -> None:
    with connect(embedded.mongodb_url("matching")) as client:
        assert client.write_concern.document == {"w": "majority", "j": True}
        assert client.options.retry_writes


def test_transactions_work(embedded: Engine) -> None:
    with connect(embedded.mongodb_url("matching")) as client, client.start_session() as session:
        with session.start_transaction():
            client.matching.probe.insert_one({"_id": "in-a-transaction"}, session=session)
        assert client.matching.probe.find_one({"_id": "in-a-transaction"})


def test_fresh_ground_has_no_documents(fresh: Fresh, embedded: Engine) -> None:
    with connect(embedded.addresses.mongodb_admin) as admin:
        for service in SERVICES:
            write(admin, service)
        fresh.empty(embedded)
        assert all(admin[s].probe.estimated_document_count() == 0 for s in SERVICES)
    assert fresh.group("a") != Fresh().group("a")


def test_passwords_are_for_the_owner_only(own: Engine, tmp_path: Path) -> None:
    for secret in ("mongodb.json", "mongodb.key"):
        assert stat.S_IMODE((tmp_path / "embedded" / secret).stat().st_mode) == 0o600


def test_mongodb_keeps_data_and_users_over_a_restart_and_the_broker_forgets(own: Engine) -> None:
    with connect(own.mongodb_url("intake")) as client:
        client.intake.probe.insert_one({"_id": "kept"})
    password = own.mongodb_url("intake").split("@")[0]
    asyncio.run(create_topic(own, "forgotten"))
    own.stop()
    own.start()
    with connect(own.mongodb_url("intake")) as client:
        assert client.intake.probe.find_one() == {"_id": "kept"}
    assert own.mongodb_url("intake").split("@")[0] == password
    assert asyncio.run(list_topics(own)) == []


@asynccontextmanager
async def admin_of(engine: Engine) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=list(engine.addresses.kafka))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def create_topic(engine: Engine, name: str) -> None:
    async with admin_of(engine) as admin:
        await admin.create_topics([NewTopic(name, 1, 1)])


async def list_topics(engine: Engine) -> list[str]:
    async with admin_of(engine) as admin:
        return list(await admin.list_topics())


def test_a_crashed_mongod_comes_back_at_its_address_with_what_it_acknowledged(own: Engine) -> None:
    (node,) = own.mongo_nodes
    address = node.address
    with connect(own.mongodb_url("followup")) as client:
        client.followup.probe.insert_one({"_id": "acknowledged"})
        node.kill()
        assert not node.running
        node.start()
        assert node.address == address
        assert client.followup.probe.find_one() == {"_id": "acknowledged"}


def test_a_paused_mongod_answers_nobody_until_it_is_resumed(own: Engine) -> None:
    (node,) = own.mongo_nodes
    node.pause()
    impatient: Client = MongoClient(own.mongodb_url("streams"), serverSelectionTimeoutMS=300)
    with (
        impatient as client,
        pytest.raises(PyMongoError),
    ):
        client.streams.probe.find_one()
    node.resume()
    with connect(own.mongodb_url("streams")) as client:
        assert client.streams.probe.find_one() is None


def test_another_member_takes_over_from_a_killed_primary(tmp_path: Path) -> None:
    with open_engine("embedded", var=tmp_path, mongo_nodes=3) as engine:
        with connect(engine.mongodb_url("intake")) as client:
            client.intake.probe.insert_one({"_id": "before"})
            assert client.primary is not None
            first = f"{client.primary[0]}:{client.primary[1]}"
            (primary,) = (node for node in engine.mongo_nodes if node.address == first)
            primary.kill()
            client.intake.probe.insert_one({"_id": "after"})
            assert client.intake.probe.count_documents({}) == 2
        engine.stop()
        engine.start()  # with three new ports, and the killed one back
        assert len([node for node in engine.mongo_nodes if node.running]) == 3


def test_a_terminals_ctrl_c_does_not_reach_the_engines(embedded: Engine) -> None:
    for node in (*embedded.kafka_nodes, *embedded.mongo_nodes):
        assert os.getsid(node.pid) != os.getsid(0)


HOLD = """
import sys, threading
from pathlib import Path
from deploy.local.engines import open_engine
engine = open_engine("embedded", var=Path(sys.argv[1]))
starter = threading.Thread(target=engine.start)
starter.start()
starter.join()
print(*(node.pid for node in (*engine.kafka_nodes, *engine.mongo_nodes)), flush=True)
sys.stdin.readline()
print(*(node.running for node in (*engine.kafka_nodes, *engine.mongo_nodes)), flush=True)
sys.stdin.readline()
"""


def test_engines_outlive_the_thread_that_started_them_but_not_a_killed_process(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        pids = [int(pid) for pid in holder.stdout.readline().split()]
        assert len(pids) == 2
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.stdout.readline().split() == ["True", "True"]
        os.kill(holder.pid, signal.SIGKILL)
    until(lambda: all(is_gone(pid) for pid in pids))


def test_two_engines_never_meet(own: Engine, tmp_path: Path) -> None:
    with open_engine("embedded", var=tmp_path / "other") as other:
        taken = {node.address for node in (*own.kafka_nodes, *own.mongo_nodes)}
        assert not taken & {node.address for node in (*other.kafka_nodes, *other.mongo_nodes)}
        with connect(other.mongodb_url("intake")) as client:
            assert client.intake.probe.find_one() is None


def test_a_first_start_that_was_cut_short_begins_again(own: Engine, tmp_path: Path) -> None:
    accounts = tmp_path / "embedded" / "mongodb.json"
    own.stop()
    accounts.write_text(accounts.read_text().replace("true", "false"))
    own.start()
    with connect(own.mongodb_url("intake")) as client:
        assert client.intake.probe.find_one() is None


def test_data_whose_passwords_are_lost_is_never_removed(own: Engine, tmp_path: Path) -> None:
    own.stop()
    (tmp_path / "embedded" / "mongodb.json").unlink()
    with pytest.raises(EngineError, match=r"mongodb\.json.*is missing"):
        own.start()
    assert list((tmp_path / "embedded" / "mongodb" / "1").glob("*.wt"))


def test_an_engine_that_runs_is_not_wiped(own: Engine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"stop\(\) it before wipe"):
        own.wipe()
    own.stop()
    own.stop()  # a second time is no harm
    own.wipe()
    assert not (tmp_path / "embedded").exists()


def test_a_node_that_cannot_start_says_why_and_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.local.engines.mongod._OPLOG_MB", "plenty")
    engine = open_engine("embedded", var=tmp_path)
    with pytest.raises(
        EngineError, match=r"mongod-1 ended with status 2: .*mongod-1.log(?s:.*)oplogSize"
    ):
        engine.start()
    assert not any(node.running for node in (*engine.kafka_nodes, *engine.mongo_nodes))


def test_a_port_that_is_taken_first_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedded: Engine
) -> None:
    taken = int(embedded.mongo_nodes[0].address.split(":")[1])
    offered = iter([(taken,)])
    monkeypatch.setattr(mongod, "free_ports", lambda n: next(offered, None) or free_ports(n))
    with open_engine("embedded", var=tmp_path) as engine:
        assert engine.mongo_nodes[0].address != f"127.0.0.1:{taken}"


@pytest.mark.parametrize(
    ("name", "sizes", "says"),
    [
        ("sparrow", {}, "choose one of embedded, apache"),
        ("embedded", {"brokers": 3}, "choose the engine `apache`"),
        ("apache", {"brokers": 2}, "two have no majority"),
    ],
)
def test_what_no_engine_can_be_is_refused_with_what_can(
    tmp_path: Path, name: str, sizes: dict[str, int], says: str
) -> None:
    with pytest.raises(EngineError, match=says):
        open_engine(name, var=tmp_path, **sizes)


def test_an_engine_has_no_addresses_before_it_starts(tmp_path: Path) -> None:
    engine = open_engine("embedded", var=tmp_path)
    with pytest.raises(EngineError, match=r"start\(\) it first"):
        _ = engine.addresses


def test_an_unknown_user_is_named(embedded: Engine) -> None:
    with pytest.raises(EngineError, match=r"'mathcing'.*the services are intake"):
        embedded.mongodb_url("mathcing")

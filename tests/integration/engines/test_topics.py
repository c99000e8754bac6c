"""Topics come from deploy/topics.yaml, and from nowhere else."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import ValidationError

from deploy.local.engines import Addresses, Engine, open_engine
from deploy.local.topics import TOPICS_FILE, TopicsNotApplied, apply, read_topics
from shared.events.streams import ALL_STREAMS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Engine]:
    """An engine without topics."""
    with open_engine("embedded", var=tmp_path) as engine:
        yield engine


def test_the_file_and_the_contract_name_the_same_topics() -> None:
    topics = read_topics().topics
    assert set(topics) == {stream.name for stream in ALL_STREAMS}
    for stream in ALL_STREAMS:
        assert topics[stream.name].cleanup == stream.cleanup, stream.name
        if not stream.is_compacted:
            assert topics[stream.name].retention == stream.retention, stream.name


def test_each_profile_has_fewer_in_sync_than_replicas_or_one() -> None:
    for name, profile in read_topics().profiles.items():
        spare = profile.replication - profile.min_insync_replicas
        assert spare >= (0 if profile.replication == 1 else 1), name


async def test_all_topics_are_created_once(bare: Engine) -> None:
    names = tuple(read_topics().topics)
    assert (await apply(bare.addresses)).created == names
    again = await apply(bare.addresses)
    assert again.created == ()
    assert again.unchanged == names
    assert again.different == ()


async def test_two_may_apply_at_once(bare: Engine) -> None:
    await asyncio.gather(*(apply(bare.addresses) for _ in range(4)))
    assert len((await apply(bare.addresses)).unchanged) == len(ALL_STREAMS)


async def test_a_difference_is_reported_and_left_alone(bare: Engine) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=list(bare.addresses.kafka))
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic("matches", 1, 1, topic_configs={"cleanup.policy": "compact"})]
        )
    finally:
        await admin.close()
    for _ in range(2):
        applied = await apply(bare.addresses)
        said = [str(difference) for difference in applied.different]
        assert "matches: partitions is 1, the file wants 3" in said
        assert "matches: cleanup.policy is compact, the file wants delete" in said
        assert "matches: retention.ms is not set, the file wants 2419200000" in said
    assert "matches" not in applied.unchanged


async def test_an_unknown_profile_is_named(embedded: Engine) -> None:
    with pytest.raises(TopicsNotApplied, match=r"no profile 'prod'.*production"):
        await apply(embedded.addresses, "prod")


async def test_a_broker_that_is_not_there_is_named() -> None:
    nowhere = Addresses(kafka=("127.0.0.1:1",), mongodb_admin="")
    with pytest.raises(TopicsNotApplied, match=r"no Kafka broker answers at 127\.0\.0\.1:1"):
        await apply(nowhere)


def test_a_topic_without_an_end_for_its_records_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(TOPICS_FILE.read_text().replace("    retention: P90D\n", ""))
    with pytest.raises(ValidationError, match="`delete` needs retention"):
        read_topics(file)


def test_the_command_says_what_it_did_and_fails_on_a_difference(bare: Engine) -> None:
    def run(profile: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "deploy.local.topics", "--profile", profile]
        return subprocess.run(
            [*command, "--kafka", ",".join(bare.addresses.kafka)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    first = run("local")
    assert (first.returncode, first.stderr) == (0, "")
    assert "created participants, contacts" in first.stdout
    other = run("production")
    assert other.returncode == 1
    assert "differs: participants: partitions is 3, the file wants 12" in other.stderr
    assert run("nonsense").returncode == 2

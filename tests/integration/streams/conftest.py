"""What tests of streams share: Apache Kafka as strangers reach it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local import topics
from deploy.local.engines.local import LocalEngine, apache
from tests import capabilities


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """Apache Kafka that strangers reach by TLS and SCRAM, with the rights that they have."""
    capabilities.require("apache-kafka")
    folder = tmp_path_factory.mktemp("secured") / "apache"
    with apache(folder, brokers=1, mongo_nodes=1, secured=True) as engine:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, topics.apply(engine.addresses, "local")).result()
        yield engine

"""Figures are asked for when somebody scrapes, not too often, and an old one never passes for a new one."""

import asyncio

import pytest

from shared.observability.metrics import Described, Metrics, Values

WAITING = Described("waiting_participants", "Who waits", ("city",))
NAME = "commonground_waiting_participants"


class Storage:
    """Something that answers, slowly or not at all."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.values: Values = {("461",): 3.0}

    async def ask(self) -> Values:
        self.asked += 1
        await asyncio.sleep(0)
        if self.fails:
            raise ConnectionError
        return self.values


async def scraped(metrics: Metrics) -> str:
    text, content_type = await metrics.text()
    assert content_type.startswith("text/plain")
    return text.decode()


@pytest.fixture
def storage() -> Storage:
    return Storage()


async def test_many_who_scrape_at_once_ask_storage_once(storage: Storage) -> None:
    metrics = Metrics()
    metrics.measure(WAITING, storage.ask, fresh_for_s=60)
    texts = await asyncio.gather(*(scraped(metrics) for _ in range(20)))
    assert all(f'{NAME}{{city="461"}} 3.0' in text for text in texts)
    assert storage.asked == 1


async def test_nobody_who_scrapes_means_nothing_is_asked(storage: Storage) -> None:
    Metrics().measure(WAITING, storage.ask)
    assert storage.asked == 0


async def test_a_figure_that_is_not_answered_is_left_out_and_counted_and_the_others_are_told(
    storage: Storage,
) -> None:
    metrics = Metrics()
    metrics.measure(WAITING, storage.ask, fresh_for_s=0)
    metrics.gauge(Described("refuses_writes", "Whether"), lambda: {(): 1.0})
    assert f'{NAME}{{city="461"}} 3.0' in await scraped(metrics)
    storage.fails = True
    text = await scraped(metrics)
    assert f"{NAME}{{" not in text
    assert "commonground_refuses_writes 1.0" in text
    unanswered = 'commonground_figures_unanswered_total{figure="waiting_participants"} 1.0'
    assert unanswered in text
    storage.fails = False
    assert f'{NAME}{{city="461"}} 3.0' in await scraped(metrics)


async def test_a_city_where_nobody_waits_any_more_is_gone(storage: Storage) -> None:
    metrics = Metrics()
    metrics.measure(WAITING, storage.ask, fresh_for_s=0)
    assert 'city="461"' in await scraped(metrics)
    storage.values = {("751",): 1.0}
    text = await scraped(metrics)
    assert 'city="751"' in text
    assert 'city="461"' not in text


def test_a_second_metric_of_the_same_name_is_refused(storage: Storage) -> None:
    metrics = Metrics()
    metrics.measure(WAITING, storage.ask)
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.gauge(WAITING, dict)

import csv
from collections import Counter
from pathlib import Path

import pytest

from deploy.sample import people, programme
from deploy.sample.people import CHARTER, COLUMNS, generate, write
from deploy.sample.words import LANGUAGE_NAMES, MENTEES_LANGUAGES
from services.intake.domain.profile import LOCALES, Registration
from services.intake.domain.record import read_record
from services.intake.domain.spreadsheet import open_table
from services.intake.domain.tables import load_tables
from shared.events.programmes import Charter, City, Policy
from tests.unit.intake.records import IN_FORCE

TABLES = load_tables()
SHIPPED = Path(people.__file__).parent / "people-800.csv"


def registered(count: int, *, untidy: bool) -> list[Registration]:
    read = (read_record(r, TABLES, IN_FORCE) for r in generate(count, seed=5, untidy=untidy))
    return [each for each in read if isinstance(each, Registration)]


def test_the_generator_still_makes_the_shipped_file(tmp_path: Path) -> None:
    made = tmp_path / "people.csv"
    write(made, 800, seed=1)
    assert made.read_bytes() == SHIPPED.read_bytes()


def test_another_seed_makes_other_people() -> None:
    assert list(generate(20, seed=1)) != list(generate(20, seed=2))


@pytest.mark.parametrize("count", [1, 2, 251, 1000])
def test_as_many_records_come_as_are_asked_for(count: int) -> None:
    assert len(list(generate(count, seed=3))) == count
    assert len(list(generate(count, seed=3, untidy=False))) == count


def test_tidy_people_are_all_registered_with_nothing_to_mend() -> None:
    assert len({(each.email, each.role) for each in registered(500, untidy=False)}) == 500


def test_untidy_people_are_the_same_but_for_what_is_wrong_or_repeated() -> None:
    tidy = {each.email: each for each in registered(1000, untidy=False)}
    untidy = registered(1000, untidy=True)
    # Whom somebody does not want depends on how many there are, and repeats leave room for fewer.
    same = [each for each in untidy if not each.not_with and not tidy[each.email].not_with]
    assert len(same) > 900
    assert all(each == tidy[each.email] for each in same)
    assert (
        sum(Counter(each.email for each in untidy).values()) - len({each.email for each in untidy})
        == 4
    )


def test_some_untidy_records_are_wrong_in_one_field() -> None:
    refused = [
        result
        for record in generate(1000, seed=5)
        if isinstance(result := read_record(record, TABLES, IN_FORCE), tuple)
    ]
    assert 8 <= len(refused) <= 40
    assert all(len(problems) == 1 for problems in refused)


def test_the_network_looks_like_the_real_one() -> None:
    found = registered(3000, untidy=False)
    roles = Counter(each.role.value for each in found)
    assert 1.15 < roles["mentee"] / roles["mentor"] < 1.45
    cities = [number for _, number in Counter(each.city for each in found).most_common()]
    assert cities[0] > 1.5 * cities[1] > 0
    assert len(cities) > 80
    assert {each.locale for each in found} == set(LOCALES)
    assert any("\n" in each.story for each in found)


def test_every_language_of_the_sample_is_one_that_the_tables_know() -> None:
    assert set(MENTEES_LANGUAGES) <= set(LANGUAGE_NAMES)
    for code, names in LANGUAGE_NAMES.items():
        assert {TABLES.languages.find(name) for name in (code, *names)} == {code}


def test_the_shipped_file_is_as_a_coordinator_sends_it() -> None:
    rows = list(open_table(SHIPPED, SHIPPED.name))
    assert len(rows) == 800
    assert list(rows[0].fields) == list(COLUMNS)
    assert not any(row.refused for row in rows)
    assert rows[-1].line > 801
    with SHIPPED.open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.reader(file))) == 801


def test_the_programme_is_whole() -> None:
    sample = programme.load()
    body = sample.body
    assert sample.programme_id == "common-ground-dk"
    assert Policy(**body["policy"]) == Policy()
    assert [Charter(**each) for each in body["charters"]] == [Charter(version=CHARTER)]
    assert {text.keys() >= {"en", "da"} for text in sample.charter_texts.values()} == {True}
    assert sample.charter_texts.keys() == {CHARTER}
    cities = [City(**each) for each in body["cities"]]
    assert [(city.code, city.name, city.region) for city in cities] == [
        (place.code, place.name, place.region) for place in TABLES.places.values()
    ]


def test_every_city_has_one_coordinator_and_every_coordinator_another_as_deputy() -> None:
    coordinators = programme.load().body["coordinators"]
    looked_after = Counter(city for each in coordinators for city in each["cities"])
    assert looked_after == Counter(TABLES.places.keys())
    ids = {each["coordinator_id"] for each in coordinators}
    assert all(each["deputy"] in ids - {each["coordinator_id"]} for each in coordinators)

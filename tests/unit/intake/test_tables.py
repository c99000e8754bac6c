import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from services.intake.domain.tables import DATA, fold, load_tables
from shared.events.participants import KindOfHelp, TimeOfWeek

TABLES = load_tables()
UNIT_GROUPS = {"1": 31, "2": 92, "3": 84, "4": 29, "5": 40, "6": 18, "7": 66, "8": 40, "9": 33}


def test_there_are_the_98_municipalities_of_five_regions() -> None:
    by_region = Counter(place.region for place in TABLES.places.values())
    assert by_region == {
        "Hovedstaden": 29,
        "Syddanmark": 22,
        "Midtjylland": 19,
        "Sjælland": 17,
        "Nordjylland": 11,
    }
    assert all(len(code) == 3 and code.isdigit() for code in TABLES.places)


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("Aarhus", "751"),
        ("Århus", "751"),
        ("århus kommune", "751"),
        ("Arhus", "751"),
        ("Åbenraa", "580"),
        ("Orhus", None),
        ("København", "101"),
        ("Københavns Kommune", "101"),
        ("KØBENHAVN", "101"),
        ("Koebenhavn", "101"),
        ("Kobenhavn", "101"),
        ("Copenhagen", "101"),
        ("0101", "101"),
        ("Høje Taastrup", "169"),
        ("Hoje-Tåstrup", "169"),
        ("Lyngby-Tårbæk", "173"),
        ("Bornholms Regionskommune", "400"),
        ("Nordfyn", "480"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_a_municipality_is_found_by_every_spelling(spelling: str, code: str | None) -> None:
    assert TABLES.municipalities.find(spelling) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("dansk", "da"),
        ("Danish", "da"),
        ("dan", "da"),
        ("farsi", "fa"),
        ("Persian", "fa"),
        ("dari", "prs"),
        ("українська", "uk"),
        ("العربية", "ar"),
        ("Sorani", "ckb"),
        ("bokmål", "no"),
        ("Filipino", "tl"),
        ("dansk tegnsprog", "dsl"),
        ("klingonsk", None),
        ("tlh", None),
        ("Latin", None),
    ],
)
def test_a_living_language_is_found_by_name_and_code(name: str, code: str | None) -> None:
    assert TABLES.languages.find(name) == code


def test_isco_has_its_436_unit_groups_below_all_their_groups() -> None:
    titles = TABLES.occupation_titles
    assert Counter(map(len, titles)) == {1: 10, 2: 43, 3: 130, 4: 436}
    assert Counter(code[0] for code in TABLES.occupations.names) == UNIT_GROUPS | {"0": 3}
    assert all(code[:-1] in titles for code in titles if len(code) > 1)


@pytest.mark.parametrize(
    ("title", "code"),
    [
        ("Nursing professionals", "2221"),
        ("nursing proffesionals", "2221"),
        ("Sygeplejerske", "2221"),
        ("Teachers aides", "5312"),
        ("Kok", "5120"),
        ("Frisor", "5141"),
        ("Electrical engineer", "2151"),
        ("Electronics engineer", "2152"),
        ("chef", None),
        ("dragon tamer", None),
    ],
)
def test_an_occupation_is_found_by_its_title_with_a_slip(title: str, code: str | None) -> None:
    assert TABLES.occupations.find_alike(title) == code


def test_misspelt_and_inflected_titles_find_their_group_and_never_another() -> None:
    with (Path(__file__).parent / "misspelt_professions.csv").open(encoding="utf-8") as file:
        wanted = {row["title"]: row["code"] or None for row in csv.DictReader(file)}
    found = {title: TABLES.occupations.find_alike(title) for title in wanted}
    of_titles = [title for title, code in wanted.items() if code]
    assert len(of_titles) >= 150
    wrong = {title: code for title, code in found.items() if code not in (wanted[title], None)}
    assert wrong == {}
    assert sum(found[title] is not None for title in of_titles) / len(of_titles) >= 0.95


def test_a_word_of_many_groups_is_not_guessed_at() -> None:
    # Nearly as like an HR consultant as a job consultant.
    assert TABLES.occupations.find_alike("konsulent") is None
    assert TABLES.occupations.choices("konsulent") == (
        "Personnel and careers professionals (2423)",
        "Employment agents and contractors (3333)",
        "Commercial sales representatives (3322)",
    )


def test_every_value_of_the_contract_has_names() -> None:
    assert set(TABLES.kinds_of_help.names) == set(KindOfHelp)
    assert set(TABLES.times_of_week.names) == set(TimeOfWeek)
    assert list(TABLES.education_levels.names) == list("012345678")
    assert len(TABLES.education_fields.names) == 11


@pytest.mark.parametrize(
    "filename", sorted(file.name for file in DATA.glob("*.csv") if file.name != "languages.csv")
)
def test_no_spelling_means_two_things(filename: str) -> None:
    meanings = defaultdict(set)
    with (DATA / filename).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if filename == "isco08.csv" and len(row["code"]) < 4:
                continue
            for column, text in row.items():
                for spelling in text.split(";") if column == "also" else [text]:
                    if spelling and column != "region":
                        meanings[fold(spelling)].add(row["code"])
    assert [spelling for spelling, codes in meanings.items() if len(codes) > 1] == []


def test_a_name_of_a_language_means_one_language() -> None:
    # Codes are told apart from names: 'ga' is Irish, though another language is called Ga.
    meanings = defaultdict(set)
    with (DATA / "languages.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = [row["name_en"], row["name_da"], row["name_own"], *row["also"].split(";")]
            for name in names:
                if name.strip():
                    meanings[fold(name)].add(row["code"])
    assert [name for name, codes in meanings.items() if len(codes) > 1] == []


def test_what_is_nearest_is_suggested_and_what_is_far_is_not() -> None:
    assert TABLES.municipalities.nearest("Arhuus") == "Aarhus (751)"
    assert TABLES.municipalities.nearest("Atlantis") is None

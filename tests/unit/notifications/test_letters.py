"""What the messages say, in every language, as text and as HTML."""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.message import Message
from services.notifications.letters import words
from services.notifications.letters.letter import Bullets, Button, Letter
from services.notifications.letters.mail import Mail
from services.notifications.letters.say import name_for_letter
from services.notifications.letters.written import (
    ACTIONS,
    CATALOGUES,
    HERE,
    LETTERS,
    AddressUnusable,
    speaker,
    write,
    write_letter,
)
from shared.clock import SteppedClock
from shared.events.messages import MessageKind
from shared.events.participants import KindOfHelp, TimeOfWeek
from shared.security.links import LinkClaims, Links, Purpose
from shared.web import words as shared_words
from shared.web.languages import LOCALES
from tests.unit.notifications import builders as a

TRANSLATED = [locale for locale in LOCALES if locale != "en"]
PLACES = re.compile(r"\{(\w+)\}")


def texts_of(letter: Letter) -> Iterator[str]:
    yield letter.subject.plain
    for block in letter.blocks:
        if isinstance(block, Bullets):
            yield from (line.plain for line in block.lines)
        elif isinstance(block, Button):
            yield block.label.plain
        else:
            yield block.plain


def every_message() -> Iterator[Message]:
    for one in a.every_event():
        yield from a.messages_for(one)


def written(message: Message, **changes: object) -> EmailMessage:
    return parsed(write(message, a.addressed(**changes), a.LETTERHEAD))


def parsed(mail: Mail) -> EmailMessage:
    message = message_from_bytes(mail.content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def accepted_one(**changes: object) -> EmailMessage:
    said = {"other_name": "Kirsten Holm", "other_email": "kirsten@mentors.example"}
    return written(a.a_message(a.accepted()), **{**said, **changes})


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_is_a_whole_mail_in_every_language(locale: str) -> None:
    for message in every_message():
        mail = written(message, locale=locale)

        assert [part.get_content_type() for part in mail.iter_parts()] == [
            "text/plain",
            "text/html",
        ]
        assert mail["Content-Language"] == locale
        assert mail["From"] == "Mentor Network <no-reply@network.example>"
        assert mail["To"] == "Amina Yusuf <amina@mentees.example>"
        assert "Amina" in body(mail, "plain")
        assert "{" not in body(mail, "plain")
        assert f'lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}"' in body(mail, "html")
        assert not mail.defects


@pytest.mark.parametrize("locale", LOCALES)
def test_text_and_html_say_the_same(locale: str) -> None:
    for message in every_message():
        mail = written(message, locale=locale)
        html = re.sub(r"<[^>]+>", "", body(mail, "html"))
        plain = body(mail, "plain").replace("\u2068", "").replace("\u2069", "")
        for line in filter(None, (line.strip("- ") for line in plain.splitlines())):
            if not line.startswith("https://"):
                unescaped = html.replace("&#39;", "'").replace("&amp;", "&")
                assert line.removesuffix(":").strip() in unescaped, line


@pytest.mark.parametrize("locale", TRANSLATED)
def test_no_english_is_left_in_another_language(locale: str) -> None:
    for message in every_message():
        english = set(texts_of(write_letter(message, a.addressed(), a.LETTERHEAD)[0]))
        other = set(texts_of(write_letter(message, a.addressed(locale=locale), a.LETTERHEAD)[0]))
        assert not english & other


def test_making_a_message_again_makes_the_same_bytes() -> None:
    for message in every_message():
        assert write(message, a.addressed(), a.LETTERHEAD) == write(
            message, a.addressed(), a.LETTERHEAD
        )


def test_each_message_has_an_id_of_its_own_that_tells_nothing() -> None:
    ids = [written(message)["Message-ID"] for message in every_message()]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"<[0-9a-f]{32}@network\.example>", one) for one in ids)


@pytest.mark.parametrize("kind", list(MessageKind))
def test_links_lead_to_the_page_that_the_message_is_about(
    kind: MessageKind, tmp_path: Path
) -> None:
    clock = SteppedClock(tmp_path / "clock")
    clock.set(a.NOON)
    links = Links(a.LETTERHEAD.link_secret, clock)
    message = next(one for one in every_message() if one.kind is kind)
    _, urls = write_letter(message, a.addressed(), a.LETTERHEAD)
    text = body(written(message), "plain")

    assert ("/intake/me?token=" in text) is not message.to_coordinator
    mine = links.read(_token(urls.my_page), Purpose.MY_PAGE)
    assert isinstance(mine, LinkClaims)
    assert (mine.participant_id, mine.match_id) == (message.recipient_id, message.match_id)
    assert (kind in ACTIONS) is bool(urls.action)
    if kind in ACTIONS:
        purpose, page = ACTIONS[kind]
        assert urlsplit(urls.action).path == f"/intake/{page}"
        assert urls.action in text
        claims = links.read(_token(urls.action), purpose)
        assert isinstance(claims, LinkClaims)
        assert (claims.participant_id, claims.programme) == (message.recipient_id, a.PROGRAMME)
        assert (claims.match_id, claims.number) == (message.match_id, message.check_in_number)


def _token(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def test_a_proposal_opens_with_what_the_two_share() -> None:
    letter, _ = write_letter(a.a_message(a.proposed()), a.addressed(), a.LETTERHEAD)
    shared = letter.blocks[1]

    assert isinstance(shared, Bullets)
    assert [line.plain for line in shared.lines] == [
        "Interests that you share: knitting.",
        "Life topics that you share: shift work.",
        "What you ask for and she offers: looking for a job and believing in oneself.",
        "You come from the same field: health care.",
        "Languages that you both want to use: Arabic and Danish.",
        "Times that suit you both: Tuesday evenings.",
    ]


def test_the_mentor_reads_the_same_from_her_side() -> None:
    text = body(written(a.a_message(a.mentee_accepted())), "plain")

    assert "What she asks for and you offer: looking for a job" in text


def test_only_an_accepted_match_names_the_other() -> None:
    for message in every_message():
        mail = written(message, other_name="Kirsten Holm", other_email="kirsten@mentors.example")
        text = body(mail, "plain") + body(mail, "html")
        introduces = message.kind is MessageKind.MATCH_ACCEPTED
        assert ("Kirsten" in text) is introduces
        assert ("kirsten@mentors.example" in text) is introduces


def test_in_arabic_what_is_inserted_is_kept_apart() -> None:
    mail = accepted_one(locale="ar")

    assert "\u2068Kirsten Holm\u2069" in body(mail, "plain")
    assert "\u2068kirsten@mentors.example\u2069" in body(mail, "plain")
    assert "<bdi>Kirsten Holm</bdi>" in body(mail, "html")


def test_a_link_stands_alone_on_its_line_so_that_no_mark_becomes_part_of_it() -> None:
    for message in every_message():
        for line in body(written(message, locale="ar"), "plain").splitlines():
            if "https://" in line:
                assert re.fullmatch(r"https://\S+", line)
                assert line.isascii()


def test_a_name_cannot_bring_markup_into_the_letter() -> None:
    mail = accepted_one(other_name="<b>Kirsten & Co</b>", name="A & B")

    assert "A &amp; B" in body(mail, "html")
    assert "&lt;b&gt;Kirsten &amp; Co&lt;/b&gt;" in body(mail, "html")


@pytest.mark.parametrize(
    "name",
    ["You won! https://evil.example", "www.evil.example", "evil.example", "a@evil.example", "<a>"],
)
def test_a_name_that_looks_like_a_link_is_left_out(name: str) -> None:
    mail = written(a.a_message(), name=name)

    assert "evil" not in body(mail, "plain")
    assert body(mail, "plain").splitlines()[0] == "Hello,"


@given(st.text(max_size=200))
def test_a_name_is_one_short_line_without_controls(name: str) -> None:
    shown = name_for_letter(name)

    assert len(shown) <= 80
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", shown)


@given(st.text(min_size=1, max_size=60))
def test_whatever_the_name_is_the_mail_has_one_recipient_and_its_headers(name: str) -> None:
    mail = written(a.a_message(), name=name)

    assert [address.addr_spec for address in mail["To"].addresses] == ["amina@mentees.example"]
    assert set(mail.keys()) == {
        "Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "Content-Language",
        "MIME-Version", "Content-Type",
    }  # fmt: skip


@pytest.mark.parametrize(
    "email",
    ["", "amina", "a b@c.example", "a@b.example\r\nBcc: c@d.example", "а б@в.example", "а@"],
)
def test_an_address_that_is_none_is_named_without_being_quoted(email: str) -> None:
    with pytest.raises(AddressUnusable, match="mentee-1") as unusable:
        written(a.a_message(), email=email)

    assert email == "" or email not in str(unusable.value)


def test_an_address_in_another_script_is_written_as_it_is() -> None:
    mail = write(a.a_message(), a.addressed(email="аміна@пошта.example"), a.LETTERHEAD)

    assert "аміна@пошта.example".encode() in mail.content


def test_an_unknown_language_is_answered_in_english() -> None:
    assert written(a.a_message(), locale="xx")["Content-Language"] == "en"


def test_every_kind_has_its_letter() -> None:
    assert set(LETTERS) == set(MessageKind)


def test_unknown_codes_are_left_out() -> None:
    say = speaker("da")

    assert words.words_of(say, ("unheard of", "chess"), shared_words.INTERESTS) == ["skak"]
    assert words.field_of(say, ("9999",)) is None
    assert words.field_of(say, ("2512",)) == "it"
    assert words.languages_of(say, ("ar", "zzz")) == ["arabisk"]


def test_every_code_of_the_contract_has_a_word() -> None:
    assert set(shared_words.KINDS_OF_HELP) == {kind.value for kind in KindOfHelp}
    assert set(shared_words.TIMES) == {time.value for time in TimeOfWeek}


@pytest.mark.parametrize(
    ("locale", "count", "expected"),
    [
        ("en", 1, "You have 1 day to think about it."),
        ("da", 2, "Du har 2 dage til at tænke over det."),
        ("uk", 1, "У вас є 1 день, щоб подумати."),
        ("uk", 3, "У вас є 3 дні, щоб подумати."),
        ("uk", 7, "У вас є 7 днів, щоб подумати."),
        ("uk", 21, "У вас є 21 день, щоб подумати."),
        ("ar", 1, "لديكِ يوم واحد للتفكير في الأمر."),
        ("ar", 2, "لديكِ يومان للتفكير في الأمر."),
        ("ar", 7, "لديكِ \u20687\u2069 أيام للتفكير في الأمر."),
        ("ar", 14, "لديكِ \u206814\u2069 يومًا للتفكير في الأمر."),
        ("ar", 100, "لديكِ \u2068100\u2069 يوم للتفكير في الأمر."),
    ],
)
def test_each_number_has_its_plural_form(locale: str, count: int, expected: str) -> None:
    letter, _ = write_letter(
        a.a_message(), a.addressed(locale=locale, answer_days=count), a.LETTERHEAD
    )

    assert expected in list(texts_of(letter))


@pytest.mark.parametrize("locale", LOCALES)
def test_the_catalogues_hold_every_text_of_the_letters_and_no_other(locale: str) -> None:
    found = extract_from_dir(
        str(HERE / "letters"), keywords={"say": None, "N_": None, "counted": (1, 2)}
    )
    in_code = {
        message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found
    }
    path = CATALOGUES / locale / "LC_MESSAGES" / "messages.po"
    catalogue = read_po(BytesIO(path.read_bytes()), locale=locale)
    in_catalogue = {one.id[0] if one.pluralizable else one.id for one in catalogue if one.id}

    assert in_code == in_catalogue
    assert "machine-made, awaits a native reader" in catalogue.header_comment


@pytest.mark.parametrize("locale", LOCALES)
def test_every_translation_is_there_with_the_same_places(locale: str) -> None:
    path = CATALOGUES / locale / "LC_MESSAGES" / "messages.po"
    catalogue = read_po(BytesIO(path.read_bytes()), locale=locale)
    forms = {"en": 2, "da": 2, "ar": 6, "uk": 3}[locale]
    for one in (message for message in catalogue if message.id):
        if one.pluralizable:
            texts = [str(text) for text in one.string or ()]
            assert len(texts) == forms, one.id
            assert all(text.strip() for text in texts)
            # None, one and two may be words; a form for several numbers must show which.
            assert all("{n}" in text for text in texts[-1:])
            assert all(set(PLACES.findall(text)) <= {"n"} for text in texts)
        else:
            assert str(one.string).strip(), one.id
            assert sorted(PLACES.findall(str(one.string))) == sorted(PLACES.findall(str(one.id)))


@given(
    st.sampled_from(LOCALES),
    st.sampled_from(["Olena", "Åse", "أمينة", "Amina أمينة", "רות", "Олена", ""]),
)
def test_a_name_never_turns_the_sentence_around_it(locale: str, name: str) -> None:
    phrase = speaker(locale)("Hello {name},", name=name)
    either_runs_left = locale == "ar" or any(letter in name for letter in "أר")
    assert (f"\u2068{name}\u2069" in phrase.plain) is either_runs_left
    assert phrase.plain.count("\u2068") == phrase.plain.count("\u2069") <= 1
    assert phrase.html.count("<bdi>") == 1

"""What invented people write and choose from: their own words, languages, interests, occupations."""

from typing import Final

GOALS: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "I want to work in my own field again.",
        "In two years I see myself in a job where I use what I know.",
        "First the language exam, then an apprenticeship.",
    ),
    "da": (
        "Jeg vil gerne bruge min uddannelse her.",
        "Om to år har jeg mit eget lille firma.",
        "Først dansk, så en praktikplads, så et job.",
    ),
    "ar": (
        "أريد أن أعمل في مهنتي مرة أخرى.",
        "هدفي أن أتعلم اللغة جيدًا وأجد عملًا ثابتًا.",
    ),
    "uk": (
        "Хочу знову працювати за фахом.",
        "Через два роки бачу себе в команді, де потрібен мій досвід.",
    ),
}
REQUESTS: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "Someone who knows how people are hired in my field.",
        "Somebody to practise a job interview with.",
        "I would like to see a workplace from the inside.",
    ),
    "da": (
        "En, der kender branchen og vil læse min ansøgning.",
        "En at tale dansk med om arbejde og hverdag.",
    ),
    "ar": (
        "أبحث عن مرشدة تعرف سوق العمل في مجالي.",
        "أود أن أتدرب على المقابلات وعلى الحديث بالدنماركية.",
    ),
    "uk": (
        "Шукаю людину, яка знає, як тут шукають роботу.",
        "Хочу практикувати данську в розмовах про роботу.",
    ),
}
STORIES: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "I worked for {years} years in a busy team, and I miss it.",
        "I have {years} years behind me in my trade. I like to explain things with my hands.",
        "My grandmother taught me the trade; {years} years on, I still learn.",
    ),
    "da": (
        "Jeg har {years} års erfaring og holder mest af dage med mange mennesker.",
        "Efter {years} år i faget vil jeg gerne vide, hvordan man gør her.",
    ),
    "ar": (
        "عملت {years} سنوات في مهنتي، وأحب أن أشارك ما تعلمته.",
        "كبرت في بيت مليء بالكتب، وعندي {years} سنوات من الخبرة.",
    ),
    "uk": (
        "Працювала {years} років і люблю, коли робота має сенс.",
        "Маю {years} років досвіду; вмію слухати й учити інших.",
    ),
    "fa": (
        "{years} سال کار کرده‌ام و هنوز هم یاد گرفتن را دوست دارم.",
        "می‌خواهم آنچه را که در {years} سال آموخته‌ام، اینجا به کار ببرم.",
    ),
    "tr": ("{years} yıl mesleğimde çalıştım; burada yeniden başlamak istiyorum.",),
    "es": ("Trabajé {years} años en lo mío y me gusta enseñar a otras.",),
    "ru": ("Я работала {years} лет и хочу узнать, как моё дело устроено здесь.",),
}
MENTOR_STORIES: Final[tuple[str, ...]] = (
    "Jeg har været {years} år i faget og deler gerne mit netværk.",
    "Jeg blev selv hjulpet i gang for {years} år siden. Nu er det min tur.",
    "I have hired people for {years} years and know what an application should say.",
    "I came here {years} years ago myself, and remember the first winter.",
)
MENTOR_GOALS: Final[tuple[str, ...]] = (
    "Jeg vil gerne lære en ny kollega at kende og se mit fag med hendes øjne.",
    "I want to give on what others gave me.",
)
MENTOR_REQUESTS: Final[tuple[str, ...]] = (
    "Gerne en, der er nysgerrig på mit fag.",
    "Someone who likes to walk while we talk.",
)
POSTSCRIPTS: Final[tuple[str, ...]] = (
    'P.S. I sing, too; "loudly", says my sister.',
    "\nPS: Torsdage passer bedst; fredage næsten lige så godt.",
)

LANGUAGE_NAMES: Final[dict[str, tuple[str, str]]] = {
    "ar": ("Arabic", "arabisk"),
    "da": ("Danish", "dansk"),
    "de": ("German", "tysk"),
    "en": ("English", "engelsk"),
    "es": ("Spanish", "spansk"),
    "fa": ("Persian", "farsi"),
    "fr": ("French", "fransk"),
    "ku": ("Kurdish", "kurdisk"),
    "pl": ("Polish", "polsk"),
    "prs": ("Dari", "dari"),
    "ps": ("Pashto", "pashto"),
    "pt": ("Portuguese", "portugisisk"),
    "ro": ("Romanian", "rumænsk"),
    "ru": ("Russian", "russisk"),
    "so": ("Somali", "somali"),
    "sv": ("Swedish", "svensk"),
    "sw": ("Swahili", "swahili"),
    "th": ("Thai", "thai"),
    "ti": ("Tigrinya", "tigrinya"),
    "tr": ("Turkish", "tyrkisk"),
    "uk": ("Ukrainian", "ukrainsk"),
    "ur": ("Urdu", "urdu"),
    "vi": ("Vietnamese", "vietnamesisk"),
    "zh": ("Chinese", "kinesisk"),
}
MENTEES_LANGUAGES: Final[dict[str, float]] = {
    "ar": 20,
    "uk": 16,
    "fa": 9,
    "so": 8,
    "tr": 7,
    "ti": 6,
    "prs": 5,
    "ru": 5,
    "ku": 4,
    "ur": 4,
    "ps": 3,
    "pl": 3,
    "es": 3,
    "fr": 2,
    "ro": 2,
    "pt": 1,
    "zh": 1,
    "vi": 1,
    "th": 1,
    "sw": 2,
    "en": 4,
}
"""How often a mentee's first language is this one: invented, roughly as among newcomers."""
MENTORS_OTHER_LANGUAGES: Final = ("de", "sv", "fr", "es", "ar", "fa", "tr", "so", "uk", "ru")

INTERESTS: Final = (
    *("baking", "birdwatching", "board games", "chess", "choir singing", "cinema", "cooking"),
    *("crafts", "cycling", "dancing", "football", "gardening", "handball", "hiking", "history"),
    *("knitting", "languages", "music", "painting", "photography", "poetry", "reading novels"),
    *("running", "sewing", "swimming", "theatre", "travel", "volunteering", "yoga"),
    "politics and society",
)
TOPICS: Final = (
    *("caring for a relative", "grandparenting", "parenting", "returning to work", "shift work"),
    *("single parenting", "studying as an adult", "teenagers at home"),
)
OCCUPATIONS: Final = (
    *("1212", "1221", "1345", "1411", "1420", "2113", "2131", "2142", "2144", "2145", "2151"),
    *("2161", "2163", "2166", "2211", "2221", "2222", "2250", "2261", "2262", "2264", "2310"),
    *("2330", "2341", "2342", "2352", "2411", "2421", "2431", "2511", "2512", "2521", "2611"),
    *("2622", "2631", "2634", "2635", "2642", "2643", "2651", "2652", "3111", "3212", "3221"),
    *("3251", "3313", "3322", "3343", "3434", "4110", "4226", "4311", "5120", "5131", "5141"),
    *("5142", "5221", "5223", "5311", "5312", "5321", "5322", "6113", "7231", "7411", "7512"),
    *("7531", "8322", "8331", "9112", "9412"),
)
"""ISCO-08 unit groups."""

BY_SIZE: Final = (
    *("101", "751", "461", "851", "561", "630", "147", "730", "740", "791", "621", "615", "265"),
    *("657", "370", "330", "540", "157", "860", "159", "746", "316", "813", "259", "217", "661"),
    *("479", "376", "607", "580", "760", "230", "167", "510", "173", "219", "430", "169", "253"),
    *("573", "710", "326", "390", "190", "250", "779", "766", "240", "185", "151", "787", "575"),
)
"""Municipalities, about from the largest on; those that are not here follow in order of code."""

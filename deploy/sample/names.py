"""Names of invented people, by the language of who might bear them: given names, family names.

Each list is short and ours; any likeness to a real person is by chance.
"""

from typing import Final

NAMES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "da": (
        ("Anne", "Mette", "Kirsten", "Hanne", "Lone", "Gitte", "Søs", "Åse", "Birgitte", "Ulla"),
        ("Nørgård", "Østerby", "Lundgaard", "Bæk", "Skov-Holm", "Aagesen", "Kjær", "Vestervang"),
    ),
    "ar": (
        ("ليلى", "سمر", "هناء", "رانيا", "نجوى", "سلمى", "أمل", "مريم", "دعاء", "ياسمين"),
        ("الحداد", "النجار", "قاسم", "الخطيب", "درويش", "منصور", "البيطار", "شاهين"),
    ),
    "uk": (
        ("Олена", "Ірина", "Наталія", "Оксана", "Людмила", "Соломія", "Дарина", "Ганна", "Зоряна"),
        ("Коваленко", "Лисенко", "Мельник", "Гончар", "Вербицька", "Яремчук", "Дорошенко"),
    ),
    "fa": (
        ("شیرین", "مهناز", "پروین", "نسرین", "آزاده", "لاله", "فرزانه", "ژاله"),
        ("کریمی", "رستمی", "احمدی", "شریفی", "بهرامی", "یوسفی", "نیک‌نام"),
    ),
    "prs": (
        ("ملالی", "فوزیه", "زرغونه", "حمیرا", "نیلوفر", "شکریه"),
        ("رحیمی", "صدیقی", "نوری", "حیدری", "امینی"),
    ),
    "ps": (("ګلالۍ", "سپوږمۍ", "زرمینه", "پلوشه", "وږمه"), ("وردګ", "ځدراڼ", "ساپی", "احمدزی")),
    "ur": (("عائشہ", "ثمینہ", "نادیہ", "فرحت", "شازیہ"), ("ملک", "چوہدری", "قریشی", "بٹ")),
    "so": (
        ("Hodan", "Ifrah", "Sahra", "Ayaan", "Ubax", "Fadumo", "Hibaaq"),
        ("Cabdi Warsame", "Jaamac Faarax", "Xasan Cali", "Nuur Maxamed", "Cismaan Geedi"),
    ),
    "ti": (("ሰላም", "ለምለም", "ትርሓስ", "ኣልማዝ", "ጽጌ"), ("ተስፋይ", "ገብረመድህን", "ሃይለ", "ወልደሚካኤል")),
    "tr": (
        ("Ayşe", "Gülşen", "Elif", "İpek", "Zeynep", "Çiğdem", "Şule"),
        ("Yıldız", "Öztürk", "Şahin", "Çelik", "Güneş", "Işık"),
    ),
    "ku": (("Berîvan", "Rojîn", "Şêrîn", "Zîn", "Nalîn"), ("Bozan", "Şêxo", "Demhat", "Xelîl")),
    "ru": (
        ("Татьяна", "Светлана", "Елена", "Марина", "Любовь"),
        ("Соколова", "Журавлёва", "Белова", "Щукина"),
    ),
    "pl": (
        ("Małgorzata", "Agnieszka", "Żaneta", "Bożena", "Łucja"),
        ("Wiśniewska", "Dąbrowska", "Król", "Źródlak"),
    ),
    "ro": (("Ioana", "Ștefania", "Țara", "Mihaela", "Crina"), ("Munteanu", "Bălan", "Șerban")),
    "es": (
        ("Lucía", "Begoña", "Inés", "Concepción", "Sofía"),
        ("Muñoz Peña", "Ibáñez", "Núñez Vega", "Castaño"),
    ),
    "fr": (("Aïcha", "Fatoumata", "Hélène", "Chloé"), ("Traoré", "Lefèvre", "Kouassi", "Bâ")),
    "pt": (("Conceição", "Inês", "Luísa", "Graça"), ("Gonçalves", "Araújo", "Simões")),
    "zh": (("秀英", "丽华", "晓梅", "雅婷"), ("王", "陈", "欧阳", "赵")),
    "vi": (("Thị Hương", "Ngọc Ánh", "Thu Hà", "Mỹ Duyên"), ("Nguyễn", "Phạm", "Đặng", "Võ")),
    "th": (("สุดา", "มาลี", "อรุณี", "พิมพ์ใจ"), ("ศรีสุข", "ทองดี", "แก้วใส")),
    "sw": (("Neema", "Zawadi", "Rehema", "Furaha"), ("Mwangaza", "Baraka", "Kamau", "Otieno")),
    "en": (
        ("Grace", "Hope", "Joy", "Patience", "Ngozi"),
        ("Mensah", "Okafor", "O'Brien", "Adeyemi"),
    ),
}

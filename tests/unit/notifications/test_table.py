"""The README shows the table that the code carries out."""

from services.notifications.domain.table import as_markdown
from services.notifications.letters.written import HERE


def test_the_readme_shows_the_table() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")

    assert "\n".join(as_markdown()) in readme

"""The tools themselves: a page that is wrong is seen to be wrong."""

import pytest

from tests.browser.browsing import Chromium, Size

pytestmark = pytest.mark.asyncio(loop_scope="module")

_GOOD = """<!doctype html><html lang="en"><head><title>Good</title></head>
<body><main><h1>Good</h1><p>{content}</p></main></body></html>"""


async def test_a_good_page_has_no_violation(browser: Chromium) -> None:
    async with browser.window(Size.PHONE, javascript=False) as page:
        await page.set_content(_GOOD.format(content="Plain words."))
        assert await browser.violations(page) == []


async def test_an_unlabelled_field_and_pale_words_are_seen(browser: Chromium) -> None:
    wrong = '<input type="text"><span style="color:#ccc;background:#fff">pale</span>'
    async with browser.window(Size.PHONE, javascript=False) as page:
        await page.set_content(_GOOD.format(content=wrong))
        found = " ".join(await browser.violations(page))
    assert "label (" in found
    assert "color-contrast (" in found

"""What a page owes everybody beyond what axe-core can see: room, large targets, a keyboard's way."""

from typing import Final

from playwright.async_api import Page

_UNFOLD: Final = "document.querySelectorAll('details').forEach(each => { each.open = true })"
_STOPS: Final = """[...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter(each => each.checkVisibility() && !each.disabled)"""
# A group of radio buttons is one stop; arrows go on inside.
_COUNT_STOPS: Final = f"""(() => {{
  const stops = {_STOPS};
  const radios = stops.filter(each => each.type === 'radio');
  return stops.length - radios.length + new Set(radios.map(each => each.form && each.name)).size;
}})()"""
_STOP: Final = f"""(() => {{
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  const stops = {_STOPS};
  return {{
    number: stops.indexOf(element),
    what: element.outerHTML.slice(0, 120),
    visible: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
  }};
}})()"""
# Links within a sentence are as high as its line: WCAG 2.2 leaves them out.
_SMALL_TARGETS: Final = f"""{_STOPS}
  .filter(each => getComputedStyle(each).display !== 'inline' && !each.classList.contains('skip'))
  .map(each => [each, each.getBoundingClientRect()])
  .filter(([_, box]) => box.width < 24 || box.height < 24)
  .map(([each, box]) => `${{each.outerHTML.slice(0, 120)}}: ${{box.width}} by ${{box.height}}`)"""


async def unfold(page: Page) -> None:
    """Opens all that is folded, so that it is looked at too."""
    await page.evaluate(_UNFOLD)


async def too_wide(page: Page) -> list[str]:
    """By how much it has to be scrolled sideways; empty if not at all."""
    await unfold(page)
    wide = await page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    return [f"{wide} px too wide"] if wide > 0 else []


async def small_targets(page: Page) -> list[str]:
    """What can be pressed and is less than 24 by 24 px."""
    await unfold(page)
    small: list[str] = await page.evaluate(_SMALL_TARGETS)
    return small


async def out_of_reach(page: Page) -> list[str]:
    """What the keyboard does not come to, and where it comes to and nobody sees it."""
    await unfold(page)
    found: list[str] = []
    reachable = await page.evaluate(_COUNT_STOPS)
    seen: set[int] = set()
    for _ in range(reachable + 1):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(_STOP)
        if stop is None:
            break
        seen.add(stop["number"])
        if not stop["visible"]:
            found.append(f"no focus to see on {stop['what']}")
    if len(seen - {-1}) < reachable:
        found.append(f"{len(seen - {-1})} of {reachable} can be reached")
    return found

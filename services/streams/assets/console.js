// Keeps a page of the console live. Without it the pages are the same, and show one moment.

const MOST_ROWS = 300;
const liveness = document.querySelector("#liveness");

function say(words) {
  if (liveness && liveness.textContent !== words) liveness.textContent = words;
}

function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html").body;
}

/** Listens, and says whether it still hears anything. The browser connects again by itself. */
function listen(address, name, take) {
  const source = new EventSource(address);
  source.addEventListener("open", () => say("Live."));
  source.addEventListener("error", () => say("Not live at the moment; what you see may be old."));
  source.addEventListener(name, (event) => { say("Live."); take(event.data); });
  addEventListener("pagehide", () => source.close());
}

/** Puts the new moment in the old one's place; what was open stays open, and the focus stays. */
function replaceMoment(place, html) {
  const open = new Map([...place.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  const focused = place.contains(document.activeElement) ? pathTo(place, document.activeElement) : null;
  const scrolled = [...place.querySelectorAll(".scrolls")].map((one) => one.scrollLeft);
  place.replaceChildren(...parsed(html).childNodes);
  for (const [id, isOpen] of open) {
    const details = document.getElementById(id);
    if (details) details.open = isOpen;
  }
  place.querySelectorAll(".scrolls").forEach((one, number) => { one.scrollLeft = scrolled[number] ?? 0; });
  if (focused) follow(place, focused)?.focus({ preventScroll: true });
}

function pathTo(place, element) {
  const path = [];
  for (let at = element; at !== place; at = at.parentElement) {
    path.unshift([...at.parentElement.children].indexOf(at));
  }
  return path;
}

function follow(place, path) {
  return path.reduce((at, number) => at?.children[number], place);
}

const moment = document.querySelector("[data-live]");
if (moment) listen(moment.dataset.live, "moment", (html) => replaceMoment(moment, html));

const rows = document.querySelector("[data-tail]");
if (rows) {
  listen(rows.dataset.tail, "rows", (html) => {
    const fresh = [...parsed(`<ol>${html}</ol>`).querySelectorAll("li")].reverse();
    fresh.forEach((row) => row.classList.add("new"));
    rows.prepend(...fresh);
    document.querySelector("#none")?.remove();
    while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
  });
}

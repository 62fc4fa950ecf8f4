"""The site in a browser: wide and narrow, light and dark, by mouse and by clipboard."""

from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import PATIENCE, Handler, Tab, new_tab, served
from .test_files import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BLOCKS = """async () => {
  const file = await (await fetch(location.href)).text();
  const built = new DOMParser().parseFromString(file, 'text/html');
  return [...built.querySelectorAll('div.highlight pre')].map(block => block.textContent);
}"""
"""The blocks of the page's file, whatever scripts make of them."""
COPY_ALL = """async () => {
  const copied = [];
  for (const button of document.querySelectorAll('button.copybtn')) {
    button.click();
    copied.push(await navigator.clipboard.readText());
  }
  return copied;
}"""
ALL_TABS_ARE = """name => {
  const opened = document.querySelectorAll('.sd-tab-set > input:checked + label');
  return opened.length > 1 && [...opened].every(label => label.innerText == name);
}"""
WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth > window.innerWidth"


@pytest.mark.parametrize("page", [*PAGES, "search"])
def test_page(tab_of_pages: Tab, page: str) -> None:
    """A page loads from its own origin alone, without an error, and never scrolls sideways.

    The copy button of a block copies exactly the block.
    """
    tab, view = tab_of_pages, tab_of_pages.open(f"{page}.html")
    blocks: list[str] = view.evaluate(BLOCKS)
    view.wait_for_function(f"document.querySelectorAll('button.copybtn').length == {len(blocks)}")
    copied: list[str] = view.evaluate(COPY_ALL)
    assert [text.rstrip("\n") for text in blocks] == [text.rstrip("\n") for text in copied]
    for width, scheme in [(390, "dark"), (390, "light"), (1280, "dark"), (1280, "light")]:
        view.set_viewport_size({"width": width, "height": 900})
        view.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert not view.evaluate(WIDER_THAN_THE_WINDOW), f"{width} px, {scheme}"
    assert [] == [answer for answer in tab.answers if answer[0] not in (200, 304)]
    assert [] == [url for _, url in tab.answers if not url.startswith(tab.origin)]
    assert [] == tab.complaints


def test_copy_page(tab: Tab, site: Path) -> None:
    """The button beside the heading copies the page as Markdown."""
    view = tab.open("index.html")
    view.get_by_role("button", name="Copy this page as Markdown").click()
    view.get_by_text("Copied", exact=True).wait_for()
    assert (site / "index.md").read_text("utf-8") == view.evaluate("navigator.clipboard.readText()")


def test_theme(tab: Tab) -> None:
    """The toggle turns the page dark and light, and the next page remembers."""
    view = tab.open("index.html")
    background = "getComputedStyle(document.body).backgroundColor"
    seen = {}
    for _ in range(3):
        view.locator(".theme-toggle:visible").click()
        seen[view.evaluate("document.body.dataset.theme")] = view.evaluate(background)
    assert {"auto", "light", "dark"} == set(seen)
    assert seen["dark"] != seen["light"]
    last = view.evaluate("document.body.dataset.theme")
    assert last == tab.open("search.html").evaluate("document.body.dataset.theme")


@pytest.mark.parametrize("start", ["index.html", "search.html"])
def test_search(tab: Tab, start: str) -> None:
    """A search for "fork" finds a page that says the word, from any page and on a phone."""
    view = tab.open(start)
    if start == "search.html":
        view.set_viewport_size({"width": 390, "height": 844})
    view.locator("input[type=search]:visible, input.sidebar-search:visible").last.fill("fork")
    view.keyboard.press("Enter")
    found = view.locator("ul.search a").first
    found.wait_for()
    assert [] == tab.complaints
    found.click()
    view.wait_for_url(lambda url: "search.html" not in url)
    assert "fork" in view.locator("article").inner_text().lower()


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ("evidence/timeline.html", "evidence/releases.html#what-changed-with-which-release"),
        (
            "evidence/timeline.html#along-the-releases-of-python",
            "evidence/releases.html#along-the-releases-of-python",
        ),
        ("evidence/look-up.html?python=3.11", "evidence/index.html?python=3.11"),
    ],
)
def test_moved_page(tab: Tab, old: str, now: str) -> None:
    """A page that moved is found under its old name, at the section and with the choice named."""
    view = tab.open(old)
    view.wait_for_url(tab.origin + now)
    assert [200] == sorted({status for status, _ in tab.answers})
    assert [] == tab.complaints


class HalfSent(Handler):
    """Sends a page that moves up to its script, and a text without its end."""

    moved = Event()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        file: bytes = source.read()
        script, end, rest = file.partition(b"</script>")
        if b"location.replace" in script:
            outputfile.write(script + end)
            self.moved.wait(PATIENCE / 1000)
            outputfile.write(rest)
        else:
            outputfile.write(file[:-1] if self.path.endswith(".md") else file)


def test_move_is_no_complaint(browser: "Browser", site: Path) -> None:
    """A page may move on before all of it has come; a file that breaks off is complained about."""
    with served(site, HalfSent) as origin, new_tab(browser, origin) as tab:
        view = tab.open("evidence/timeline.html")
        view.wait_for_url("**/evidence/releases.html*")
        HalfSent.moved.set()
        assert [] == tab.complaints
        view.evaluate("fetch('../index.md').then(answer => answer.text()).catch(() => '')")

    assert f"{origin}index.md: net::ERR_CONTENT_LENGTH_MISMATCH" in tab.complaints


@pytest.mark.parametrize(
    ("address", "fragment"),
    [
        ("create-in-pool-worker.html", ""),
        ("create-in-pool-worker.html#when-a-worker-dies", "when-a-worker-dies"),
        ("create-in-worker.html#create-in-pool-worker", "create-in-pool-worker"),
    ],
)
def test_link_opens_the_tabs_of_its_recipe(tab: Tab, address: str, fragment: str) -> None:
    """A page that moved, and a link to a tab, show what is said of one recipe on the whole page."""
    view = tab.open(f"processes/{address}")
    view.wait_for_url(lambda url: "/create-in-worker.html" in url)
    view.wait_for_function(ALL_TABS_ARE, arg="Pool")
    assert fragment == view.evaluate("location.hash.slice(1)")
    view.locator("label[data-sync-id=process]").last.click()
    view.wait_for_function(ALL_TABS_ARE, arg="Process")


def test_not_found(tab: Tab) -> None:
    """An address that does not exist, however deep, shows the 404 page in the site's dress."""
    view = tab.open("no/such/page.html")
    assert "Page not found" == view.get_by_role("heading", level=1).inner_text()
    assert [404] == [status for status, _ in tab.answers if status != 200]
    view.get_by_role("link", name="landing page").click()
    view.wait_for_url(tab.origin + "index.html")

"""The built site, served on loopback as GitHub Pages serves a project, and a browser to open it."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.built_site import PREFIX

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

INSTALL_BROWSER = "install the package chromium-headless-shell (Debian) or Google Chrome (Ubuntu)"
BROWSERS = (
    "chromium-headless-shell",  # starts and loads pages at half the cost
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
PATIENCE = 60_000
"""Milliseconds that a step may take: a page of a megabyte loads beside eleven other tests."""
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def site(build: tuple[Path, str]) -> Path:
    """The folder of the built site."""
    folder, text = build
    if not (folder / "searchindex.js").exists():
        pytest.fail(f"the site was not built:\n{text}", pytrace=False)
    return folder


class Handler(SimpleHTTPRequestHandler):
    """Serves the site under PREFIX, and its 404 page in place of what is not there."""

    def translate_path(self, path: str) -> str:
        inside = path.startswith(PREFIX)
        return super().translate_path("/" + path.removeprefix(PREFIX) if inside else "/outside")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        body = Path(self.directory, "404.html").read_bytes()
        self.send_response(code, message)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the tests look at what the browser saw."""


@contextmanager
def served(folder: Path, handler: type[Handler] = Handler) -> Iterator[str]:
    """Serve a built site; give its address, with a slash at its end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def origin(site: Path) -> Iterator[str]:
    """The address of the served site, with a slash at its end."""
    with served(site) as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> str:
    """The Chromium of this machine, looked for before anything of a browser is started.

    Without one, what needs it is skipped, or fails where CI is set.
    """
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return found
    missing = f"no Chromium: {INSTALL_BROWSER}, or name one in CHROMIUM"
    if os.environ.get("CI") == "true":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


@pytest.fixture(scope="module")
def browser(chromium: str) -> "Iterator[Browser]":
    """One Chromium for a module, whose event loop would forbid later tests to run their own."""
    from playwright.sync_api import sync_playwright  # not in every worker of the tests

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
        yield browser
        browser.close()


@dataclass
class Tab:
    """A tab of the browser that remembers every answer and every complaint of what it shows."""

    page: "Page"
    origin: str
    answers: list[tuple[int, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("response", lambda answer: self.answers.append((answer.status, answer.url)))
        self.page.on("requestfailed", self.lose)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self.hear)

    def lose(self, request: "Request") -> None:
        """A page that moves on aborts what it still receives, be it the rest of its own file."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def hear(self, message: "ConsoleMessage") -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, path: str) -> "Page":
        """Open a path of the site, wait until it is loaded, and forget what was before."""
        self.answers.clear()
        self.complaints.clear()
        self.page.goto(self.origin + path)
        return self.page


@contextmanager
def new_tab(browser: "Browser", origin: str) -> Iterator[Tab]:
    """Open a tab without cookies or storage, that may use the clipboard."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(PATIENCE)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield Tab(context.new_page(), origin)


@pytest.fixture
def tab(browser: "Browser", origin: str) -> Iterator[Tab]:
    """A fresh tab."""
    with new_tab(browser, origin) as opened:
        yield opened


@pytest.fixture(scope="module")
def tab_of_pages(browser: "Browser", origin: str) -> Iterator[Tab]:
    """One tab that a reader opens page after page in: a new one costs twice as much."""
    with new_tab(browser, origin) as opened:
        yield opened

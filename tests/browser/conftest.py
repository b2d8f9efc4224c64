"""A served application and Debian's Chromium before it; whatever the browser complains of fails the test."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM
from playwright.sync_api import BrowserContext, Page
from werkzeug.serving import make_server

from service.app import create_app
from service.commands import deployments, people
from service.config import Settings

ROOT = Path(__file__).parents[2]
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TELL = """addEventListener("securitypolicyviolation",
  event => console.error("CSP", event.violatedDirective, event.blockedURI))"""


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Use Debian's Chromium."""
    return CHROMIUM


@pytest.fixture
def kind() -> str:
    """The pages look the same on both databases."""
    return "sqlite"


@pytest.fixture
def address(platform) -> Iterator[str]:
    """Where the service listens, with the real processes in force."""
    server = make_server("127.0.0.1", 0, create_app(platform=platform), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def templates(templates) -> Callable[[str], Settings]:
    """Stocked databases to clone, stocked in another thread."""
    return lambda kind: elsewhere(templates, kind)


@pytest.fixture
def desk(desk) -> "Elsewhere":
    """People at their desks, away from the thread in which Playwright keeps its event loop running."""
    return Elsewhere(desk)


@pytest.fixture
def real_processes(desk) -> None:
    """Put the processes of the repository in force."""

    def deploy() -> None:
        with desk.begin("system") as work:
            deployments.deploy(work, files=deployments.read_folder(ROOT), note="De riktiga processerna")

    elsewhere(deploy)


@dataclass
class Elsewhere:
    """A desk whose work is done in another thread: V8 refuses to be waited for where an event loop runs."""

    desk: Any

    def __getattr__(self, name: str) -> Any:
        doing = getattr(self.desk, name)
        return doing if name == "begin" else lambda *given, **named: elsewhere(doing, *given, **named)


def elsewhere(doing: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Do it in another thread and wait for it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(doing, *given, **named).result()


@dataclass
class Window:
    """One person's browser window."""

    page: Page
    context: BrowserContext
    address: str
    complaints: list[str]

    def go(self, path: str) -> None:
        """Open a page of the service."""
        self.page.goto(self.address + path)

    def take_into_draft(self, file: str) -> None:
        """Begin a draft of the case's process and take this file into it."""
        self.go("/definitions/case/edit")
        self.page.get_by_role("button", name="Börja ett nytt utkast").click()
        self.page.get_by_role("link", name="Till utkastet").click()
        self.page.get_by_label("Ändra en fil till").select_option(file)
        self.page.get_by_role("button", name="Ta med filen").click()

    def problems(self) -> list[str]:
        """What axe-core finds on the page, with everything on it unfolded, in light and in dark colours."""
        self.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self._found(RULES)
        self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")  # no colour on its way
        found += self._found(["color-contrast"])  # the only rule that looks at colours
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self.page.evaluate("new Promise(requestAnimationFrame)")  # the colours are back before motion is
        self.page.emulate_media(reduced_motion="no-preference")
        return found

    def _found(self, rules: list[str]) -> list[str]:
        kind = "tag" if rules is RULES else "rule"
        answer = self.page.evaluate(
            "only => axe.run({runOnly: only, resultTypes: ['violations']})", {"type": kind, "values": rules}
        )
        return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in answer["violations"]]


@pytest.fixture
def open_window(browser, address, desk) -> Iterator[Callable[..., Window]]:
    """Open a window for this person, who has logged in; nobody has when no name is given."""
    opened: list[Window] = []

    def make(username: str | None = None, **options: Any) -> Window:
        context = browser.new_context(
            **{"locale": "sv-SE", "viewport": {"width": 1280, "height": 900}} | options
        )
        context.set_default_timeout(10_000)
        if username is not None:
            with desk.begin(username) as work:
                secret = people.token(work, username=username)
            context.add_cookies([{"name": "andrum", "value": secret, "url": address}])
        page, complaints = context.new_page(), []
        page.add_init_script(TELL)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        opened.append(Window(page, context, address, complaints))
        return opened[-1]

    yield make
    for window in opened:
        window.context.close()
        # a refused form is not an error of the page, though the console says so
        assert [each for each in window.complaints if "422" not in each and "412" not in each] == []

"""A third way in which people work with a case: in a real browser, with what the pages offer."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from chromium import CHROMIUM
from hands import Commands, Row, Sheet
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from service.commands import people
from service.rules.permissions import SYSTEM
from service.work import Platform

DONE = "Inskickat"


class Windows:
    """People in front of their browsers; Playwright lives in a thread of its own, apart from V8's callers."""

    def __init__(self, platform: Platform, crew: SimpleNamespace, address: str) -> None:
        self._platform, self._address = platform, address
        self._eyes = Commands(platform, crew)  # what they see is read here; what they do goes through pages
        self._thread = ThreadPoolExecutor(1)
        self._pages: dict[str, Page] = {}
        self.complaints: list[str] = []
        self._playwright = self._there(lambda: sync_playwright().start())
        self._browser: Browser = self._there(lambda: self._playwright.chromium.launch(**CHROMIUM))

    def close(self) -> None:
        self._there(self._browser.close)
        self._there(self._playwright.stop)
        self._thread.shutdown()

    def start(self, who: str) -> UUID:
        return UUID(self._there(lambda: self._start(self._page(who))))

    def inbox(self, who: str, case: UUID) -> list[Row]:
        return self._eyes.inbox(who, case)

    def claim(self, who: str, task: UUID) -> None:
        self._there(lambda: self._claim(self._page(who), task))

    def sheet(self, who: str, task: UUID) -> Sheet:
        return self._eyes.sheet(who, task)

    def complete(self, who: str, task: UUID, *, answers: Mapping[str, Any], seen: Any = None) -> None:
        del seen  # the page carries it
        asked = list(self._eyes.sheet(who, task).form.fields)  # from top to bottom: one answer shows the next
        ordered = {name: answers[name] for name in sorted(answers, key=asked.index)}
        self._there(lambda: self._complete(self._page(who), task, ordered))

    def _start(self, page: Page) -> str:
        page.goto(f"{self._address}/tasks")
        page.get_by_role("link", name="Nytt ärende").click()
        page.get_by_label("Ärende om betänketid").check()
        page.get_by_role("button", name="Öppna ärendet").click()
        page.get_by_role("heading", name="Var ärendet står").wait_for()
        return page.url.split("/cases/")[1][:36]

    def _claim(self, page: Page, task: UUID) -> None:
        page.goto(f"{self._address}/tasks/{task}")
        page.get_by_role("button", name="Ta uppgiften").click()
        page.get_by_role("button", name="Skicka in").wait_for()

    def _complete(self, page: Page, task: UUID, answers: Mapping[str, Any]) -> None:
        page.goto(f"{self._address}/tasks/{task}")
        for name, value in answers.items():
            _fill(page, name, value)
        page.get_by_role("button", name="Skicka in").click()
        page.locator(f"h1:has-text('{DONE}'), h2:has-text('{DONE}'), .error-summary").first.wait_for()
        refused = page.locator(".error-summary")
        assert not refused.count(), (page.get_by_role("heading").first.inner_text(), refused.inner_text())

    def _page(self, who: str) -> Page:
        if who not in self._pages:
            with self._platform.begin(SYSTEM) as work:
                secret = people.token(work, username=who)
            context = self._browser.new_context(locale="sv-SE")
            context.set_default_timeout(10_000)
            context.add_cookies([{"name": "andrum", "value": secret, "url": self._address}])
            page = context.new_page()
            page.on(
                "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
            )
            page.on("pageerror", lambda error: self.complaints.append(str(error)))
            self._pages[who] = page
        return self._pages[who]

    def _there(self, doing: Callable[[], Any]) -> Any:
        return self._thread.submit(doing).result()


def _fill(page: Page, place: str, value: Any) -> None:
    """Answer one question, as whatever control it is."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        _fill_rows(page, place, value)
    elif page.locator(f"[name='{place}:date']").count():
        on, _, at = str(value).partition("T")
        page.locator(f"[name='{place}:date']").fill(on)
        page.locator(f"[name='{place}:time']").fill(at[:5])
    else:
        control = page.locator(f"[name='{place}']")
        control.first.wait_for()
        _set(control, control.first.evaluate("each => each.type"), value)


def _fill_rows(page: Page, place: str, rows: list[Mapping[str, Any]]) -> None:
    for number, row in enumerate(rows):
        if not page.locator(f"[name='{place}/{number}:row']").count():
            page.locator(f"button[name=_add][value='{place}']").click()
        for name, value in row.items():
            _fill(page, f"{place}/{number}/{name}", value)


def _set(control: Locator, kind: str, value: Any) -> None:
    match kind:
        case "checkbox" if isinstance(value, bool):
            control.set_checked(value)
        case "radio" | "checkbox":
            for each in value if isinstance(value, list) else [value]:
                control.and_(control.page.locator(f"[value='{each}']")).check()
        case "select-one":
            control.select_option(str(value))
        case _:
            control.fill(str(value))

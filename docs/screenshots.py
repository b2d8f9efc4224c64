"""Takes the guides' pictures: starts Andrum with the demo in a temporary folder and looks with Chromium."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, sync_playwright

from service.commands.demo import PASSWORD

IMAGES = Path(__file__).with_name("images")
ANDRUM = Path(sys.executable).with_name("andrum")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
WIDE = {"width": 1280, "height": 860}
TRIES = 120


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with _served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        anna = _logged_in(browser, address, "anna")
        _take(anna, f"{address}/tasks", "inbox")
        anna.get_by_role("button", name=re.compile("Ta uppgiften")).first.click()
        _take(anna, anna.url, "task")
        anna.goto(f"{address}/cases")
        _take(anna, _longest_case(anna, address), "case")
        anna.get_by_text("Gör en handling av svaren").click()
        anna.locator("section:has(#documents)").screenshot(path=IMAGES / "documents.png")
        _take(_logged_in(browser, address, "petra"), f"{address}/definitions/case/1", "processes")
        greta = _logged_in(browser, address, "greta")
        greta.goto(f"{address}/cases")
        _take(greta, f"{_longest_case(greta, address)}/history", "history")
        _take(greta, f"{address}/answers", "answers")
        browser.close()


@contextmanager
def _served() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{probe.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        settings = {"ANDRUM_BIND": bind, "ANDRUM_DATA_DIR": folder, "ANDRUM_DEMO": "1"}
        with subprocess.Popen([ANDRUM, "serve"], env=os.environ | settings) as server:  # noqa: S603  our own program
            try:
                _wait(f"http://{bind}/readyz", server)
                yield f"http://{bind}"
            finally:
                server.terminate()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(TRIES):
        try:
            urlopen(address, timeout=1).close()  # noqa: S310  our own server
        except (URLError, TimeoutError):
            try:
                server.wait(0.5)
            except subprocess.TimeoutExpired:
                continue
            raise SystemExit("Andrum did not start") from None
        else:
            return
    raise SystemExit("Andrum did not get ready")


def _logged_in(browser: Browser, address: str, username: str) -> Page:
    page = browser.new_context(viewport=WIDE, locale="sv-SE").new_page()
    page.goto(f"{address}/login")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/(tasks|definitions|cases|incidents|$)"))
    return page


def _longest_case(page: Page, address: str) -> str:
    """The case that has come furthest: the one whose rights have begun."""
    row = page.locator("main li.row").filter(has_text="Rättighet påbörjad").first
    link = row.locator("a[href^='/cases/']").first
    return address + (link.get_attribute("href") or "")


def _take(page: Page, address: str, name: str) -> None:
    if page.url != address:
        page.goto(address)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()

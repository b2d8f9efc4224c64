"""Debian's Chromium, as the browser tests start it: its headless shell if installed, twice as fast."""

import shutil

QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
CHROMIUM = {
    "executable_path": shutil.which("chromium-headless-shell") or "/usr/bin/chromium",
    "args": [*QUIET.split(), "--disable-component-update", "--disable-sync"],
}

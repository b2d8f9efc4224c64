"""Real workers beside the tests: processes of `andrum worker` and `andrum serve` on a test's own database."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from workers import ANDRUM, READY, Process, wait_until

from service.config import Settings

Start = Callable[..., Process]


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Start `andrum worker`, or another command of it, on this test's database."""
    started: list[Process] = []

    def make(command: str = "worker", *, prefix: tuple[str, ...] = (), **environment: str) -> Process:
        given = {
            "ANDRUM_DATA_DIR": settings.data_dir,
            "ANDRUM_DATABASE_URL": settings.database_url,
            "PYTHONUNBUFFERED": "1",
        }
        process = Process(
            subprocess.Popen(
                [*prefix, str(ANDRUM), command],
                env={**os.environ, **given, **environment},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        started.append(process)
        wait_until(lambda: any(map(READY.search, process.said)) or not process.alive, seconds=60)
        assert process.alive, "".join(process.said)
        return process

    yield make
    for each in started:
        if each.alive:
            each.kill()

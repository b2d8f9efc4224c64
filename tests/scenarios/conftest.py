"""Stories start on the service's own processes, with a delegate, at a moment of their own."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
import time_machine
from story import ZONE, Story

from service.commands import deployments, people
from service.rules.permissions import SYSTEM

ROOT = Path(__file__).parents[2]
CODES = ("reflection-period-application", "reflection-period-appeal")


@pytest.fixture
def story(platform, crew) -> Iterator[Callable[[str], Story]]:
    """Begin a story at a local moment."""
    with platform.begin(SYSTEM) as work:
        deployments.deploy(work, files=deployments.read_folder(ROOT), note="Alla egna processer")
        for code in CODES:
            people.delegate(
                work,
                username="bo",
                code=code,
                position="Gruppledare (påhittad)",
                unit="norrmalm",
                valid_from=date(2020, 1, 1),
                basis="Delegationsordning (påhittad)",
            )
        crew.bo = people.actor(work, username="bo")
    with platform.begin(SYSTEM) as work:
        crew.bo = people.actor(work, username="bo")
    travels = []

    def begin(moment: str) -> Story:
        travel = time_machine.travel(datetime.fromisoformat(moment).replace(tzinfo=ZONE), tick=False)
        travels.append(travel)
        return Story(platform, crew, travel.start())

    yield begin
    for travel in travels:
        travel.stop()

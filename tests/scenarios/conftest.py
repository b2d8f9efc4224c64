"""Stories begin on the service's own processes, with a delegate, at a moment of their own."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
import time_machine
from hands import Commands, Programs
from story import ZONE, Story

from service.app import create_app
from service.commands import deployments, people
from service.config import Settings
from service.rules.permissions import SYSTEM
from service.work import Platform

ROOT = Path(__file__).parents[2]
CODES = ("reflection-period-application", "reflection-period-appeal")


@pytest.fixture(scope="session")
def templates(stocked: Callable[..., Callable[[str], Settings]]) -> Callable[[str], Settings]:
    """Stocked databases to clone, with the service's own processes in force."""
    return stocked("template_scenarios", own_processes)


@pytest.fixture
def story(platform, crew) -> Iterator[Callable[..., Story]]:
    """Begin a story at a minute of the legal clock; `by` says how people work with it."""
    travels = []

    def begin(minute: str, *, by: str = "commands") -> Story:
        travel = time_machine.travel(datetime.fromisoformat(minute).replace(tzinfo=ZONE), tick=False)
        clock = travel.start()
        travels.append(travel)
        hands = (
            Commands(platform, crew)
            if by == "commands"
            else Programs(create_app(platform=platform), platform)
        )
        return Story(platform, hands, clock)

    yield begin
    for travel in travels:
        travel.stop()


def own_processes(platform: Platform) -> None:
    """Put them in force, and let bo sign for the board."""
    with platform.begin(SYSTEM) as work:
        deployments.deploy(work, files=deployments.read_folder(ROOT), note="Alla egna processer")
    with platform.begin(SYSTEM) as work:
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

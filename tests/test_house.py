"""The house itself: what design promises about every file, checked on every file."""

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.rules.permissions import PERMISSIONS, Actor, Facts, Permission, Protection, Role, may

ROOT = Path(__file__).parents[1]
SERVICE = ROOT / "service"


def sources(*folders: str) -> Iterator[tuple[Path, str]]:
    for folder in folders or ("service",):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, path.read_text(encoding="utf-8")


def places(pattern: str, *folders: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path, text in sources(*folders)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_there_is_one_commit_in_the_house():
    found = places(r"\.(commit|rollback|flush)\(")
    assert [place.split(":")[0] for place in found] == ["service/work.py"], found


def test_only_the_clock_reads_the_time():
    found = places(r"\b(datetime\.(now|utcnow)|date\.today|time\.time)\(")
    assert [place for place in found if not place.startswith("service/clock.py")] == []


def test_no_code_is_run_from_text():
    assert places(r"(?<![\w.])(exec|eval|compile|__import__)\(") == []


def test_nothing_is_left_for_later():
    assert places(r"# *(TODO|FIXME|XXX|HACK)\b", "service", "tests", "benchmarks", "migrations") == []


def test_every_module_says_what_lives_there():
    silent = [
        str(path)
        for path, text in sources("service", "tests", "benchmarks")
        if not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


def test_no_room_is_named_after_nothing():
    names = {path.stem for path, _ in sources()} | {path.parent.name for path, _ in sources()}
    assert names.isdisjoint({"utils", "util", "helpers", "common", "misc", "services", "manager"})


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_in_the_table(permission):
    assert PERMISSIONS[permission], permission


def test_who_may_do_what_in_their_own_unit_is_as_reviewed():
    """A snapshot of every permission times every role; a change here is a change of who may do what."""
    facts = Facts(unit="north", role="caseworker")
    seen = {
        permission.value: " ".join(
            role.value
            for role in Role
            if may(Actor(None, role.value, frozenset({(role, "north")})), permission, facts)
        )
        for permission in Permission
    }
    assert seen == {
        "case.start": "caseworker team_leader",
        "case.read": "caseworker team_leader auditor system",
        "case.manage": "team_leader system",
        "case.destroy": "team_leader administrator",
        "case.open-protected": "caseworker team_leader auditor",
        "task.claim": "caseworker team_leader",
        "task.release": "team_leader",
        "task.assign": "team_leader",
        "task.draft": "",
        "task.complete": "",
        "message.deliver": "caseworker team_leader system",
        "document.read": "caseworker team_leader",
        "document.add": "caseworker team_leader",
        "document.withdraw": "caseworker team_leader",
        "history.read": "caseworker team_leader auditor system",
        "history.values": "caseworker team_leader",
        "access-log.read": "team_leader auditor",
        "trail.check": "auditor administrator system",
        "definition.read": "caseworker team_leader process_owner auditor administrator system",
        "definition.deploy": "process_owner system",
        "definition.draft": "process_owner",
        "definition.approve": "",
        "cases.move-back": "process_owner system",
        "timer.read": "caseworker team_leader auditor",
        "deadline.move": "team_leader",
        "deadline.pause": "team_leader",
        "incident.read": "caseworker team_leader auditor administrator",
        "incident.handle": "team_leader administrator system",
        "people.administer": "administrator system",
        "training.read": "team_leader auditor administrator system",
        "training.register": "team_leader administrator system",
        "retention.look": "team_leader administrator system",
        "keys.rotate": "system",
        "backup.take": "system",
        "backup.restore": "system",
        "backup.release": "administrator",
        "statistics.read": "caseworker team_leader process_owner auditor administrator system",
        "statistics.exact": "team_leader auditor system",
    }


@pytest.mark.parametrize(
    "permission",
    [each for each in Permission if each.value.startswith(("case.read", "task.", "history.", "document."))],
)
def test_nobody_reaches_into_another_units_case(permission):
    facts = Facts(unit="south", role="caseworker")
    for role in (Role.CASEWORKER, Role.TEAM_LEADER, Role.PROCESS_OWNER, Role.AUDITOR, Role.ADMINISTRATOR):
        assert not may(Actor(None, role.value, frozenset({(role, "north")})), permission, facts), role


@pytest.mark.parametrize(
    "permission",
    [each for each in Permission if each.value.startswith(("case.read", "task.", "history.", "document."))],
)
def test_a_protected_case_is_closed_to_those_not_named(permission):
    facts = Facts(unit="north", role="caseworker", protection=Protection.PROTECTED)
    for role in (Role.CASEWORKER, Role.TEAM_LEADER, Role.AUDITOR):
        assert not may(Actor(None, role.value, frozenset({(role, "north")})), permission, facts), role


def test_the_map_of_who_may_do_what_is_the_tables_own():
    made = runpy.run_path(str(ROOT / "docs" / "access.py"))["page"]()
    assert (ROOT / "docs" / "access.md").read_text(encoding="utf-8") == made, "run `make access`"

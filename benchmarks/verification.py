"""How fast the whole trail is verified from what is stored: chains, values, states, tree, checkpoints.

Run `python benchmarks/verification.py [EVENTS]`. Makes a trail of its own in a temporary SQLite database (in
memory where there is one), signs checkpoints over it and verifies all of it in one thread. Rates are
events per second of CPU time of this process. Ends with status 1 when a bound is broken.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[1]))

import sqlalchemy as sa

from service.commands import checkpoints, people
from service.config import Settings
from service.models.cases import Case, CaseStatus, ProcessInstance
from service.models.definitions import Deployment, DeploymentState
from service.models.history import HistoryEvent
from service.queries import history
from service.rules.permissions import SYSTEM
from service.vault import commitment, new_salt
from service.work import Platform, open_platform

EVENTS = 120_000
EACH = 60  # events in a case: what a case of the service's own processes comes to
VALUES = 4  # one event in so many has values behind it
CHECKPOINTS = 24
AT_LEAST = 50_000  # events per second and core
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
COLUMNS = tuple(HistoryEvent.__table__.columns.keys())
PLACES = [["application", "prepare_application", None], ["right", "offer_right", "housing"]]


def main() -> int:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    memory = Path("/dev/shm")  # noqa: S108  the disk is not what is measured
    folder = Path(tempfile.mkdtemp(prefix="andrum-", dir=memory if memory.is_dir() else None))
    try:
        platform = open_platform(Settings(data_dir=str(folder)))
        platform.prepare()
        fill(platform, wanted)
        return report(platform)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def report(platform: Platform) -> int:
    """Measure, and compare with the bound."""
    checked, cpu, wall = timed(lambda: history.verify_everything(lambda: platform.begin(SYSTEM)))
    assert checked.findings == [], checked.findings[:3]
    assert checked.events == checked.leaves
    rate = checked.events / cpu
    holds = rate >= AT_LEAST
    print(f"{'events':>10}{'cases':>8}{'checkpoints':>13}{'CPU s':>8}{'wall s':>8}{'events/s':>10}  bound")
    print(
        f"{checked.events:10}{checked.cases:8}{checked.checkpoints:13}{cpu:8.2f}{wall:8.2f}{rate:10.0f}"
        f"  >= {AT_LEAST}{'' if holds else '  BROKEN'}"
    )
    return 0 if holds else 1


def timed(act: Callable[[], history.Checked]) -> tuple[history.Checked, float, float]:
    """Do it once to warm up, then three times for the clock; the least disturbed time counts."""
    made, times = act(), []
    for _ in range(3):
        cpu, wall = process_time(), perf_counter()
        act()
        times.append((process_time() - cpu, perf_counter() - wall))
    return made, *min(times)


def fill(platform: Platform, events: int) -> None:
    """Store cases with events like those of the service's own processes, and checkpoints over them."""
    with platform.begin(SYSTEM) as work:
        people.add_unit(work, key="norrmalm", name="Norrmalm")
        deployment = Deployment(
            id=uuid4(), number=1, state=DeploymentState.ACTIVE, note="", digest="", deployed_at=work.now
        )
        work.session.add(deployment)
    cases = max(CHECKPOINTS, events // EACH)
    for batch in range(CHECKPOINTS):
        with platform.begin(SYSTEM) as work:
            for number in range(batch * cases // CHECKPOINTS, (batch + 1) * cases // CHECKPOINTS):
                add_case(work, number, deployment)
        with platform.begin(SYSTEM) as work:
            checkpoints.take(work)


def add_case(work: history.UnitOfWork, number: int, deployment: Deployment) -> None:
    """Store one case with its chain."""
    case_id, instance_id = uuid4(), uuid4()
    key, wrapped = work.vault.new_case_key(str(case_id))
    snapshot = key.seal(b"x" * 8_000, f"process_instance.snapshot:{instance_id}")
    state = sha256(sha256(snapshot).digest()).hexdigest()
    rows, seal = [], ""
    for sequence in range(1, EACH + 1):
        event = HistoryEvent(
            case_id=case_id,
            sequence=sequence,
            at=START + timedelta(minutes=number, microseconds=sequence),
            actor="anna",
            type="elements.passed" if sequence % 3 else "task.opened",
            process="application",
            element="prepare_application",
            deployment=1,
            details={"passed": PLACES} if sequence % 3 else {"task": str(uuid4()), "due": None},
            commitment=None,
            values=None,
            state_digest=state,
            previous=seal,
        )
        if sequence % VALUES == 0:
            salt, plain = new_salt(), b'{"what": "ett svar", "when": "2026-01-01"}' * 5
            event.commitment = commitment(salt, plain)
            event.values = key.seal(salt + plain, f"history_event.values:{case_id}:{sequence}")
        event.seal = seal = event.sealed()
        event.stamp = work.vault.stamp(seal)
        rows.append({name: getattr(event, name) for name in COLUMNS})
    work.session.add(
        Case(
            id=case_id,
            reference=f"BENCH-{number:07}",
            status=CaseStatus.OPEN,
            unit_key="norrmalm",
            protection="normal",
            opened_at=START,
            wrapped_key=wrapped,
            sequence=EACH,
            seal=seal,
        )
    )
    work.session.add(
        ProcessInstance(
            id=instance_id,
            case_id=case_id,
            deployment_id=deployment.id,
            process="case",
            version=1,
            snapshot=snapshot,
            started_at=START,
        )
    )
    work.session.execute(sa.insert(HistoryEvent), rows)


if __name__ == "__main__":
    sys.exit(main())

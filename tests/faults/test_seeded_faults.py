"""Tests of the tests: mistakes are put into a copy of the service, and a named test must notice each.

A test that passes whatever the code does proves nothing. So each line below takes away one thing that keeps
cases whole (a lock, a version, the one transaction, the word to the loser), and says which test tells.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("service", "migrations", "processes", "forms", "tests", "pyproject.toml", "ruff.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "browser", "faults", "node_modules")

PROCESSOR = Path("/proc/cpuinfo")
RACES = "tests/commands/test_races.py"
POINTS = "tests/web/api/test_fault_points.py"
BACKUPS = "tests/commands/test_backups.py"
RETENTION = "tests/commands/test_retention.py"
PAPERS = "tests/commands/test_documents.py"
COSTS = "tests/web/test_http_cost.py"
SUBMITS = "tests/races/test_http_double_submits.py"
CLOCK = "tests/test_scheduler.py"
PERIOD = "tests/processes/test_reflection_period.py"
SAVED_STEP = "    progress.save(work, case, instances, instance, step)\n"
ONE_WINS = f"{RACES}::test_of_several_submits_of_a_task_exactly_one_wins[%s-4]"
HALF_DONE = f"{POINTS}::test_whatever_call_fails_nothing_is_half_done_and_the_next_try_works[%s-sqlite]"


@dataclass(frozen=True)
class Fault:
    """One mistake: texts in one file that are replaced, and the test that must fail because of it."""

    file: str
    changes: tuple[tuple[str, str], ...]
    test: str
    needs: str = ""  # a feature of the processor, without which the mistake does no harm


LOCK = "            .with_for_update(of=Case)\n"
VERSIONED = '    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012  in the'
UNVERSIONED = "    revision: Mapped[int] = mapped_column(default=1)\n    # in the"
SAVED = "    work.save(case, instance, step.snapshot)\n"
STANDS = "    work.stands(case, instances)\n"
APPLIED = "    progress.save(work, held.case, held.instances, held.instance, step)\n"
YIELD = "                yield UnitOfWork(session, actor, clock.now(), self)\n"
COMMIT = "                session.commit()\n"
KEY_OF_A_REQUEST = (
    '    key = request.headers.get("Idempotency-Key")\n    if key is None:\n        return None\n'
)
PASSED_OVER = f"""                try:
    {COMMIT}                except OperationalError:
                    session.rollback()
"""
COMMITTED = f"""                try:
    {YIELD}                finally:
    {COMMIT}"""

FAULTS = {
    "a document is read without a line in the access log": Fault(
        "service/queries/documents.py",
        (('    work.looked("document.read"', '    str("document.read"'),),
        f"{PAPERS}::test_a_document_comes_back_byte_for_byte_and_each_reading_is_logged[sqlite]",
    ),
    "a document is not compared with what its event says": Fault(
        "service/queries/documents.py",
        ((" != added.fingerprints", " == {}"),),
        f"{PAPERS}::test_a_document_that_is_not_the_one_that_was_added_is_named"
        "[sqlite-bytes_edited_by_someone_with_the_key]",
    ),
    "a document's bytes are committed before its event": Fault(
        "service/commands/documents.py",
        (
            (
                "    work.stands(case, instances)\n    details = {\n",
                "    work.session.commit()\n    details = {\n",
            ),
        ),
        HALF_DONE % "add_document",
    ),
    "timers go off while a restored database is held": Fault(
        "service/commands/jobs.py",
        (("~leased(work.now), ~held())", "~leased(work.now))"),),
        f"{BACKUPS}::test_after_a_restore_everything_is_held_until_an_administrator_releases_it[sqlite]",
    ),
    "a backup that somebody else has signed is taken": Fault(
        "service/commands/backups.py",
        (("    if b64decode(manifest.public_key) != vault.public_key:", "    if False:"),),
        f"{BACKUPS}::test_a_backup_that_somebody_else_has_signed_is_refused[sqlite]",
    ),
    "the old key goes while something is sealed with it": Fault(
        "service/commands/keys.py",
        (("    if left(work, newest=newest):\n        raise", "    if False:\n        raise"),),
        "tests/commands/test_keys.py::test_the_old_key_stays_while_something_is_sealed_with_it[sqlite]",
    ),
    "answers outlive what was to be destroyed": Fault(
        "service/commands/retention.py",
        (("        sa.delete(Answers).where(Answers.task_id.in_(tasks)),\n", ""),),
        f"{RETENTION}::test_after_destruction_no_value_can_be_read_and_all_that_is_left_holds[sqlite]",
    ),
    "one person is enough to destroy": Fault(
        "service/commands/retention.py",
        (("in ((work.actor, second), (second, work.actor)):", "in ((work.actor, second),):"),),
        f"{RETENTION}::test_it_takes_two_people_who_may_and_a_case_that_is_due[sqlite]",
    ),
    "the case is not locked": Fault("service/work.py", ((LOCK, ""),), ONE_WINS % "postgresql"),
    "transactions on SQLite begin as readers": Fault(
        "service/models/base.py", (('("BEGIN IMMEDIATE")', '("BEGIN")'),), ONE_WINS % "sqlite"
    ),
    "the case has no version": Fault(
        "service/models/cases.py",
        (("    revision: Mapped[int] = mapped_column()\n" + VERSIONED, UNVERSIONED),),
        "tests/commands/test_tasks.py::test_an_answer_on_a_case_that_has_moved_on_is_stale[sqlite]",
    ),
    "the state is committed before the history": Fault(
        "service/commands/tasks.py",
        ((APPLIED, APPLIED + "    work.session.commit()\n"),),
        HALF_DONE % "complete",
    ),
    "a task is closed in a transaction of its own": Fault(
        "service/commands/tasks.py",
        (("    _close(work, held, given)\n", "    _close(work, held, given)\n    work.session.commit()\n"),),
        f"{COSTS}::test_the_page_completes_a_task_with_few_statements[sqlite-two_steps]",
    ),
    "a commit that fails is passed over": Fault(
        "service/work.py", ((COMMIT, PASSED_OVER),), HALF_DONE % "claim"
    ),
    "what failed is not rolled back": Fault(
        "service/work.py",
        ((YIELD + COMMIT, COMMITTED),),
        "tests/test_work.py::test_a_failure_after_everything_was_done_leaves_nothing_behind[sqlite]",
    ),
    "the answer is not kept for its key": Fault(
        "service/web/api/requests.py",
        (("    idempotency.keep(\n", "    (lambda *_, **__: None)(\n"),),
        HALF_DONE % "start",
    ),
    "the key is not looked up": Fault(
        "service/web/api/requests.py",
        ((KEY_OF_A_REQUEST, "    return None\n"),),
        f"{SUBMITS}::test_of_two_submits_with_one_key_the_second_gets_the_firsts_answer[sqlite-3]",
    ),
    "the loser is not told who won": Fault(
        "service/commands/tasks.py",
        (("        raise _closed(work, task)\n", "        raise Conflict\n"),),
        f"{SUBMITS}::test_of_two_submits_one_wins_and_the_other_learns_who_and_when[sqlite-20]",
    ),
    "a task may be completed again": Fault(
        "service/commands/tasks.py",
        (("    if task.closed_at is not None:\n        raise _closed(work, task)\n", ""),),
        ONE_WINS % "sqlite",
    ),
    "the draft stays when its task is completed": Fault(
        "service/commands/tasks.py",
        (("        work.session.delete(held.draft)\n", "        pass\n"),),
        f"{RACES}::test_a_draft_does_not_outlive_its_task[sqlite]",
    ),
    "the history is tied to the state before": Fault(
        "service/commands/progress.py", ((SAVED + STANDS, STANDS + SAVED),), ONE_WINS % "sqlite"
    ),
    "the row of a timer that went off stays": Fault(
        "service/commands/progress.py",
        (("    _forget(work, Job, Job.id.in_(gone) if gone else None)\n", ""),),
        f"{POINTS}::test_whatever_call_fails_a_timer_is_not_half_fired_and_goes_off_next_time[sqlite]",
    ),
    "SQLite does not wait for the disk": Fault(
        "service/models/base.py", (('"synchronous=FULL"', '"synchronous=NORMAL"'),), ONE_WINS % "sqlite"
    ),
    "a lease is not fenced": Fault(
        "service/commands/jobs.py",
        (("    if job is None or not lease.holds(job):\n", "    if job is None:\n"),),
        f"{CLOCK}::test_a_worker_that_comes_back_late_does_not_run_what_another_has_taken[sqlite]",
    ),
    "a timer is committed as gone off before what it leads to": Fault(
        "service/commands/jobs.py",
        ((SAVED_STEP, SAVED_STEP + "    work.session.commit()\n"),),
        f"{POINTS}::test_whatever_call_fails_a_timer_is_not_half_fired_and_goes_off_next_time[sqlite]",
    ),
    "a cycle makes up for every turn that it missed": Fault(
        "service/engine/timing.py",
        (("            if due > moment.now:\n", "            if due > self.due:\n"),),
        "tests/engine/test_workflow_events.py::test_a_cycle_fires_once_after_downtime_and_keeps_its_rhythm",
    ),
    "a date ends at midnight in Greenwich": Fault(
        "service/engine/expressions.py",
        (("second, moment.zone).astimezone(UTC)\n", "second, UTC)\n"),),
        f"{PERIOD}::test_the_talk_is_due_on_day_20_and_may_be_registered_earlier",
    ),
    "the calendar's days are 24 hours": Fault(
        "service/engine/expressions.py",
        (("found.astimezone(moment.zone).replace(fold=0)", "found"),),
        "tests/engine/test_workflow_events.py::test_a_monthly_rhythm_is_counted_on_the_local_calendar_and_never_drifts",
    ),
    "a dead worker keeps what it had leased": Fault(
        "service/models/jobs.py",
        (("job.leased_until > now, job.leased_until", "job.leased_until"),),
        f"{CLOCK}::test_what_a_dead_worker_had_is_run_by_another_when_its_lease_has_ended[sqlite]",
    ),
    "one worker takes all that is due and the others stand idle": Fault(
        "service/commands/jobs.py",
        (("BATCH = 50  # jobs", "BATCH = 50_000  # jobs"),),
        "tests/timers/test_timers_race.py"
        "::test_of_several_workers_one_lets_each_timer_go_off_and_all_take_part[sqlite-200]",
    ),
    "a deadline of today counts by the date in Greenwich": Fault(
        "service/work.py",
        (("return self.now.astimezone(self.zone).date()", "return self.now.date()"),),
        "tests/test_work.py::test_today_is_the_legal_day[sqlite-2027-03-01T23:00-2]",
    ),
    "an extension sweeps away what is still open of the period before": Fault(
        "processes/reflection_period/process.bpmn",
        (
            (
                'name="Förlängd" attachedToRef="period" cancelActivity="false"',
                'name="Förlängd" attachedToRef="period"',
            ),
        ),
        f"{PERIOD}::test_an_extension_is_watched_at_once_whatever_is_still_open_of_the_period_before",
    ),
    "V8 begins in whatever thread asks first": Fault(
        "service/engine/isolate.py",
        (("init_mini_racer(ignore_duplicate_init=True)\n", ""),),
        "tests/engine/test_expressions.py"
        "::test_an_isolate_may_be_ended_by_another_thread_than_the_one_that_began_it",
        needs="pku",
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the service with its tests."""
    folder = tmp_path_factory.mktemp("copy")
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, folder)
    return folder


@pytest.mark.slow
def test_without_a_mistake_every_named_test_passes(copy):
    done = run(copy, *sorted({each.test for each in FAULTS.values()}))
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("mistake", FAULTS)
def test_a_mistake_is_noticed(copy, mistake):
    fault = FAULTS[mistake]
    if fault.needs and fault.needs not in PROCESSOR.read_text(encoding="utf-8").split():
        pytest.skip(f"This processor has no {fault.needs}; the mistake does no harm here.")
    path = copy / fault.file
    sound = path.read_text(encoding="utf-8")
    broken = sound
    for old, new in fault.changes:
        assert broken.count(old) == 1, f"{fault.file} has changed; the mistake must be put in anew: {old!r}"
        broken = broken.replace(old, new)
    path.write_text(broken, encoding="utf-8")
    try:
        done = run(copy, fault.test)
    finally:
        path.write_text(sound, encoding="utf-8")
    assert done.returncode == 1, done.stdout  # tests ran, and some failed; 2 to 5: they could not run
    assert re.search(rf"^(FAILED|ERROR) {re.escape(fault.test)}", done.stdout, re.MULTILINE), done.stdout


def run(folder, *tests):
    """Run tests of a copy, on the copy's own code."""
    paths = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", *tests],
        cwd=folder,
        env={**os.environ, **paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

"""V8, kept small: one isolate per process and bundle, with limits on time and memory. Knows no FEEL."""

import ctypes
import json
import os
import queue
from pathlib import Path
from threading import RLock
from time import monotonic, process_time
from typing import Any, cast

from py_mini_racer import MiniRacer, init_mini_racer
from py_mini_racer._exc import JSEvalException

from service.errors import StepFailed, Unavailable

BUILD = Path(__file__).parent / "build"
START_SECONDS = 20.0
STOP_SECONDS = 5.0
PATIENCE = 20  # times longer by the clock than in the process's own time, at most

# V8 guards its memory by threads: those that are not descendants of the one that began it crash the process
# when they end an isolate, also at the process's own end. So it begins here, in the thread that imports.
init_mini_racer(ignore_duplicate_init=True)


class Isolate:
    """One bundle of JavaScript in one V8 isolate; calls are served one at a time, from any thread.

    It is made at first use. A call that takes too long or too much memory is stopped, and the next one
    meets a fresh isolate. After a fork the child makes its own.
    """

    def __init__(self, bundle: str, *, seconds: float, megabytes: int) -> None:
        self.bundle = bundle
        self.seconds = seconds
        self.megabytes = megabytes
        self._lock = RLock()
        self._racer: MiniRacer | None = None
        os.register_at_fork(after_in_child=self._forked)

    def call(self, function: str, *arguments: Any, seconds: float | None = None) -> Any:
        """Call a function that answers with JSON text; give what the text says.

        `function` is ours, never someone's input; the arguments travel as JSON. `seconds` is a limit of its
        own.
        Raises `StepFailed` when a limit was reached, `Unavailable` when the bundle is not built.
        """
        code = f"{function}({','.join(json.dumps(each, allow_nan=False) for each in arguments)})"
        with self._lock:
            if self._racer is None:
                self._racer = self._start()
            answer = self._run(self._racer, code, seconds or self.seconds)
        return json.loads(answer)

    def call_later(self, begin: str, answer: str, *arguments: Any, seconds: float | None = None) -> Any:
        """Call a function that answers through promises: `begin` gives a ticket, `answer` what became of it.

        Promises are kept when V8 has nothing else to do, so at the latest when `begin` has returned.
        Raises as `call` does.
        """
        with self._lock:
            return self.call(answer, self.call(begin, *arguments, seconds=seconds))

    def close(self) -> None:
        """Give the memory back; the next call starts anew."""
        with self._lock:
            self._drop()

    def _start(self) -> MiniRacer:
        path = BUILD / f"{self.bundle}.js"
        try:
            source = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            message = f"service/engine/build/{path.name} is not built; install the package once more."
            raise Unavailable(message) from error
        racer = MiniRacer()
        # A queue in C: faster, and its waiting goes by the machine's own clock even where a test moves time.
        object.__setattr__(racer._ctx, "_non_cancelable_mr_task_results_queue", queue.SimpleQueue())
        racer.eval(source, timeout_sec=START_SECONDS)
        racer.set_hard_memory_limit(self.megabytes * 1_000_000)
        return racer

    def _run(self, racer: MiniRacer, code: str, seconds: float) -> str:
        """Evaluate in V8's own thread while this one waits: a third of the time of the library's asyncio way.

        Only this method uses the library's queue for such answers, and only under the lock.
        """
        context = racer._ctx
        if context is None:
            raise Unavailable
        handle = context._python_to_value_handle(code)
        task = context._dll.mr_eval(context._ctx, handle.raw, 0)
        answers = cast("queue.SimpleQueue[Any]", context._non_cancelable_mr_task_results_queue)
        try:
            found = self._waited(answers, seconds)
        except queue.Empty:
            context._dll.mr_cancel_task(context._ctx, task)
            self._stopped(answers)
            raise StepFailed("The evaluation took too long and was stopped.") from None
        try:
            value = context._value_handle_to_python(found)
        except JSEvalException as error:
            self._drop()
            raise StepFailed("The evaluation needed too much memory and was stopped.") from error
        if racer.was_soft_memory_limit_reached() or not isinstance(value, str):
            self._drop()
            raise StepFailed("The evaluation gave nothing that can be used.")
        return value

    def _waited(self, answers: "queue.SimpleQueue[Any]", seconds: float) -> Any:
        """Wait for an answer while this process has not spent its time on it: a busy machine is no fault.

        Raises `queue.Empty`.
        """
        began, spent = monotonic(), process_time()
        while True:
            try:
                return answers.get(timeout=seconds)
            except queue.Empty:
                if process_time() - spent >= seconds or monotonic() - began >= PATIENCE * seconds:
                    raise

    def _stopped(self, answers: "queue.SimpleQueue[Any]") -> None:
        """Wait for a cancelled call to end; leave the isolate behind if it does not."""
        try:
            answers.get(timeout=STOP_SECONDS)
        except queue.Empty:
            self._abandon()
        else:
            self._drop()

    def _abandon(self) -> None:
        """Never touch the isolate again, not even to end it: that would wait for a thread in vain."""
        if self._racer is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._racer))
        self._racer = None

    def _drop(self) -> None:
        racer, self._racer = self._racer, None
        if racer is not None:
            racer.close()

    def _forked(self) -> None:
        """Leave the parent's isolate alone: its threads do not exist here."""
        self._abandon()
        self._lock = RLock()

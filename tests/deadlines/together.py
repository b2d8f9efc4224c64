"""Several workers that do the same at one moment."""

import threading
from collections.abc import Callable, Sequence

from service.work import Platform


def together(doing: Callable[[Platform], object], platforms: Sequence[Platform]) -> list[Exception]:
    """Let each platform do it in a thread of its own, all beginning at once; gives what went wrong."""
    ready, wrong = threading.Barrier(len(platforms)), list[Exception]()

    def work(platform: Platform) -> None:
        ready.wait()
        try:
            doing(platform)
        except Exception as error:  # noqa: BLE001  told to whoever asked
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(each,)) for each in platforms]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return wrong

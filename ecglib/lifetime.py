"""Processes that end with the one that started them, however that one ends."""

import ctypes
import os
import signal
import sys
import threading
import time

LOOK_S = 0.2  # how often a process looks whether its parent is still there
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def end_with(parent: int, long_lived_thread: bool = True) -> None:
    """End this process once `parent`, the id of the process that started it, is gone.

    long_lived_thread: whether the thread that started it lasts as long as the parent. Then Linux
        itself ends this process, at once and even where C code holds the interpreter. Otherwise,
        and on other systems, a thread looks for the parent.
    """
    if not (long_lived_thread and killed_with_thread()):
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it was gone before anyone could look
        os._exit(1)


def killed_with_thread() -> bool:
    """Have Linux kill this process when the thread that started it ends; False elsewhere."""
    if sys.platform != "linux":
        return False
    return ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)

"""The kernel of chapters: Jupyter's own, but it ends with the process that started it.

Run as `python -m ecglib.build.kernel -f FILE`.
"""

import os
import sys

from ecglib.lifetime import end_with


def main() -> None:
    end_with(int(os.environ["JPY_PARENT_PID"]))
    sys.path.pop(0)  # where -m looked; the kernel itself puts the notebook's folder first
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize()
    assert app.shell
    # The kernel's own end it after the cell, which then passes for a good one.
    app.shell.user_ns.update(exit=sys.exit, quit=sys.exit)
    app.start()


if __name__ == "__main__":
    main()

"""What the server imports from which the chapters' processes are forked, so that none waits for it.

The import of papermill takes seconds, in which the server does not see that the build has ended:
so the first thing it does is to end with the build.
"""

import os

from ecglib.lifetime import killed_with_thread

killed_with_thread()
if os.environ["ECGLIB_BUILD"] != str(os.getppid()):  # the build was gone before
    os._exit(1)

import ecglib.build.chapter  # noqa: E402, F401

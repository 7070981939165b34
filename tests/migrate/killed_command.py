"""A command that kills itself before its n-th change of a file: killed_command.py N import FORMAT …."""

import os
import signal
import sys

from traktauth.__main__ import main

changes = int(sys.argv.pop(1))
NAMES = {"os.rename", "os.remove", "os.mkdir", "os.chmod", "fcntl.flock", "tempfile.mkstemp"}


def watch(event, arguments):
    """Count what changes files or locks; open counts if it writes."""
    global changes  # noqa: PLW0603 - a hook has no other place
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if event in NAMES or writes:
        changes -= 1
        if changes == 0:
            os.kill(os.getpid(), signal.SIGKILL)


import traktauth.cli.export  # noqa: E402 - before counting, as imports write caches
import traktauth.cli.import_login  # noqa: E402 - the same
import traktauth.client.http  # noqa: E402 - the same
import traktauth.migrate.transfer  # noqa: E402, F401 - the same

sys.addaudithook(watch)
sys.exit(main())

"""A process that has imported a program, and forks for each run of it: warm_program.py PROGRAM MODULE….

It starts a run in milliseconds, where a new interpreter needs a second on a machine with much to do. PROGRAM is a
module or a script. A run is one line of JSON on standard input: its arguments, its environment, and before which
change of a file, a lock or a database it kills itself (0: none). The result is one line of JSON on standard output.
It needs nothing but Python, so that it can run in another environment.
"""

import importlib
import json
import os
import re
import runpy
import signal
import sqlite3
import sys
import tempfile
import traceback

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.chmod", "fcntl.flock", "tempfile.mkstemp"}
SQL = re.compile(r"\s*(INSERT|UPDATE|DELETE|COMMIT)", re.IGNORECASE)


def kill_before(change):
    """Kill this process before its n-th change."""
    count = 0

    def changes():
        nonlocal count
        count += 1
        if count == change:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event, arguments):
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in CHANGES or writes:
            changes()

    connect = sqlite3.connect

    def connect_watched(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(lambda statement: changes() if SQL.match(statement) else None)
        return connection

    sqlite3.connect = connect_watched
    sys.addaudithook(watch)


def run(program, words, environment, change, output):
    """Run the program in this process, and end it."""
    status = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - for the rest of this process
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = [program, *words]
        sys.dont_write_bytecode = True
        if change:
            kill_before(change)
        if program.endswith(".py"):
            runpy.run_path(program, run_name="__main__")
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001 - a process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main(program, *modules):
    """Serve runs until standard input ends."""
    for name in modules:
        importlib.import_module(name)
    for line in sys.stdin:
        wanted = json.loads(line)
        with tempfile.TemporaryFile() as output:
            pid = os.fork()
            if pid == 0:
                run(program, wanted["words"], wanted["env"], wanted["change"], output.fileno())
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            output.seek(0)
            print(json.dumps({"status": status, "shown": output.read().decode()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

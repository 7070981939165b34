"""`traktauth sandbox -- CMD`: the command is as it would be without it, and nothing is left of it."""

from __future__ import annotations

import contextlib
import ctypes
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from support.private_home import PrivateHome, processes_with, wait_until
from support.process import needs_curl
from traktauth.interception.command_process import CommandProcess

LONG = 60.0
PROGRAM = Path(__file__).parents[1] / "lab" / "programs" / "urllib_settings.py"


@pytest.fixture
def sandboxed(tmp_path):
    running = PrivateHome("sandbox", tmp_path, LONG)
    yield running
    running.stop()


@pytest.fixture
def mark(tmp_path):
    """A word that only this test's processes have in their arguments."""
    return f"sandbox-test-{os.getpid()}-{tmp_path.name}"


CURL = ["curl", "-sS", "-o", "/dev/null", "https://api.trakt.tv/users/settings"]


def test_the_exit_status_and_both_streams_are_the_commands(sandboxed):
    program = (
        "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1]); sys.stderr.write('said'); sys.exit(3)"
    )
    content = bytes(range(256)) * 1000
    done = sandboxed.run("--", sys.executable, "-c", program, stdin=content)
    assert (done.returncode, done.stdout) == (3, content[::-1])
    assert done.stderr.startswith("said")
    assert "never reached Trakt" in done.stderr
    assert "aiohttp without trust_env=True" in done.stderr
    assert sandboxed.left() == []


@pytest.mark.slow
def test_a_program_can_have_a_home_folder_of_its_own(sandboxed):
    """It does not find its user's login, and what it writes is not written there."""
    settings = sandboxed.folder / "settings"
    (settings / ".config").mkdir(parents=True)
    (settings / ".config" / "own").write_text("mine")
    (sandboxed.folder / ".pytrakt.json").write_text("a real login")
    sandboxed.env["XDG_CONFIG_HOME"] = str(sandboxed.folder)
    script = 'cat "$HOME/.config/own"; echo ":${XDG_CONFIG_HOME-unset}"; ls -A "$HOME"; echo x > "$HOME/.pytrakt.json"'
    done = sandboxed.run("--home", str(settings), "--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (0, b"mine:unset\n.config\n")
    assert (sandboxed.folder / ".pytrakt.json").read_text() == "a real login"
    assert [path.name for path in settings.iterdir()] == [".config"]
    assert sandboxed.left() == []


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["no-such-program"], 127),
        (["./no-such-folder/program"], 127),
        (["./not-executable"], 126),
        (["."], 126),
        (["sh", "-c", "kill -9 $$"], 128 + 9),
        (["sh", "-c", "kill -15 $$"], 128 + 15),
        (["sh", "-c", "exit 255"], 255),
    ],
)
def test_the_exit_status_is_a_shells(monkeypatch, tmp_path, words, status):
    (tmp_path / "not-executable").write_text("#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    with CommandProcess() as process:
        assert (process.start(words, os.environ) or process.wait()) == status


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bad-interpreter", "the interpreter in its first line does not exist"),
        ("binary", "is not a program of this machine"),
        ("not-executable", "make it so (chmod +x), or name its interpreter before it"),
        ("folder", "is a folder"),
        ("absent", "not found; look at the path"),
    ],
)
def test_why_a_command_cannot_be_started_is_reported(sandboxed, name, why):
    (sandboxed.folder / "folder").mkdir()
    (sandboxed.folder / "not-executable").write_text("#!/bin/sh\n")
    (sandboxed.folder / "bad-interpreter").write_text("#!/absent/interpreter\n")
    (sandboxed.folder / "bad-interpreter").chmod(0o755)
    (sandboxed.folder / "binary").write_bytes(b"MZ\0\0\necho run by a shell\n")
    (sandboxed.folder / "binary").chmod(0o755)
    done = sandboxed.run("--", f"./{name}")
    assert name in done.stderr
    assert why in done.stderr
    assert done.stdout == b""
    assert sandboxed.left() == []


@pytest.mark.slow
def test_a_script_without_a_first_line_for_it_is_run_by_sh(sandboxed):
    """As shells and execvp(3) do, so that it runs in the sandbox if it runs without it."""
    folder = sandboxed.folder / "bin"
    folder.mkdir()
    for path in (folder / "own-script", sandboxed.folder / "-script", sandboxed.folder / "empty"):
        path.write_text("" if path.name == "empty" else 'echo "$@"; exit 3\n')
        path.chmod(0o755)
    sandboxed.env["PATH"] += f":{folder}:{sandboxed.folder}"
    for name in (str(folder / "own-script"), "own-script", "./-script"):
        done = sandboxed.run("--", name, "-x", "a b")
        assert (done.returncode, done.stdout) == (3, b"-x a b\n"), done.stderr
    assert sandboxed.run("--", "empty").returncode == 0


@needs_curl
@pytest.mark.slow
def test_requests_are_shown_without_their_secrets(sandboxed):
    done = sandboxed.run("--show", "--", *CURL[:-1], f"{CURL[-1]}?code=hidden")
    assert done.stderr.split()[1:] == ["GET", "api.trakt.tv/users/settings", "403", "Forbidden"]


@needs_curl
@pytest.mark.slow
def test_refused_hosts_are_named_in_one_line(sandboxed):
    hosts = [f"https://{name}.example" for name in "abcdefg"]
    done = sandboxed.run("--", "sh", "-c", f"curl -sS {' '.join(hosts)} 2>/dev/null; exec {' '.join(CURL)}")
    named = ", ".join(f"{name}.example (1)" for name in "abcde")
    assert done.stderr == f"! Refused hosts: {named} and 2 more; allow one with --allow HOST\n"


@needs_curl
@pytest.mark.slow
def test_a_certificate_that_is_not_accepted_is_explained(sandboxed):
    done = sandboxed.run("--", "curl", "-sS", "--cacert", "/dev/null", "https://api.trakt.tv/")
    assert "curl did not accept the sandbox's certificate of api.trakt.tv" in done.stderr
    assert "SSL_CERT_FILE" in done.stderr
    assert "pins" in done.stderr


class Greeting(http.server.BaseHTTPRequestHandler):
    """A host that is not Trakt."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from elsewhere\n")

    def log_message(self, *_):
        pass


@needs_curl
@pytest.mark.slow
def test_profile_seed_faults_and_an_allowed_host_are_those_of_the_options(sandboxed):
    app = {"name": "Seeded", "client_id": "seeded-id", "client_secret": "seeded-secret", "redirect_uris": ["urn:x"]}
    seed = {"apps": [app], "users": [{"username": "mia", "password": "correct horse battery"}]}
    (sandboxed.folder / "seed.json").write_text(json.dumps(seed))
    (sandboxed.folder / "faults.json").write_text('[{"path": "/users/settings", "status": 521}]')
    other = http.server.HTTPServer(("127.0.0.2", 0), Greeting)
    serving = threading.Thread(target=other.serve_forever)
    serving.start()
    program = (
        "echo $TRAKT_CLIENT_ID; cat token.json; echo; "
        f"curl -sS http://127.0.0.2:{other.server_port}/; "
        "curl -sS -o /dev/null -w '%{http_code}' https://api.trakt.tv/users/settings"
    )
    try:
        done = sandboxed.run(
            *("--profile", "classic", "--seed", "seed.json", "--faults", "faults.json", "--allow", "127.0.0.2"),
            *("--as", "mia", "--tokens", "token:token.json", "--", "sh", "-c", program),
        )
    finally:
        other.shutdown()
        serving.join()
        other.server_close()
    client_id, token, *answers = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr, client_id) == (0, "", "seeded-id")
    assert json.loads(token)["expires_in"] == 86400  # of `classic`
    assert answers == ["from elsewhere", "521"]


@pytest.mark.slow
def test_a_login_is_written_first_and_works(sandboxed):
    request = [sys.executable, "-m", "traktauth", "request", "GET", "/users/settings"]
    done = sandboxed.run("--tokens", "traktauth:sqlite:logins.sqlite", "--", *request)
    assert json.loads(done.stdout)["user"]["username"] == "sean", done.stderr


ISOLATED = """
import os, socket, urllib.request
request = urllib.request.Request("https://api.trakt.tv/.well-known/openid-configuration")
print(urllib.request.urlopen(request).status, os.getuid())
with socket.create_server(("127.0.0.1", 0)) as own, socket.create_connection(own.getsockname()):
    print("own server")
for address in ("192.0.2.1", os.environ["OUTSIDE"]):
    try:
        socket.create_connection((address.partition(":")[0], int(address.partition(":")[2] or 80)), 10)
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it needs namespaces of Linux")
def test_an_isolated_program_reaches_the_sandbox_alone(sandboxed, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as outside:
        monkeypatch.setitem(sandboxed.env, "OUTSIDE", f"127.0.0.1:{outside.getsockname()[1]}")
        done = sandboxed.run("--isolate", "--", sys.executable, "-c", ISOLATED)
        if "cannot get a network of its own" in done.stderr:
            pytest.skip(done.stderr)
    assert done.stdout.decode().split("\n") == [
        f"200 {os.getuid()}",
        "own server",
        "OSError",
        "ConnectionRefusedError",
        "",
    ], done.stderr
    assert done.returncode == 0


@pytest.mark.slow
def test_a_sign_in_by_browser_is_approved(sandboxed):
    sign_in = [sys.executable, "-m", "traktauth", "login", "--browser"]
    done = sandboxed.run("--as", "mia", "--", *sign_in)
    assert done.returncode == 0, done.stderr
    assert "mia" in done.stderr + done.stdout.decode()


OPEN = """
import os, webbrowser
query = f"response_type=code&redirect_uri=urn:ietf:wg:oauth:2.0:oob&client_id={os.environ['TRAKT_CLIENT_ID']}"
webbrowser.open(f"https://trakt.tv/oauth/authorize?{query}")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "expected"),
    [(OPEN, "the sign-in is approved; the code is "), (OPEN.replace("'TRAKT_CLIENT_ID'", "'HOME'"), "client_id")],
    ids=["code to be pasted", "unknown app"],
)
def test_the_browser_prints_a_code_to_be_pasted_or_what_is_wrong(sandboxed, program, expected):
    done = sandboxed.run("--", sys.executable, "-c", program)
    assert expected in done.stderr


@pytest.mark.slow
def test_with_a_home_a_login_is_written_below_its_copy(sandboxed):
    home = sandboxed.folder / "home"
    home.mkdir()
    done = sandboxed.run("--home", "home", "--tokens", "pytrakt", "--", "sh", "-c", "cat ~/.pytrakt.json")
    assert json.loads(done.stdout)["OAUTH_TOKEN"], done.stderr
    assert list(home.iterdir()) == []
    assert not (sandboxed.folder / ".pytrakt.json").exists()


@pytest.mark.slow
def test_a_login_that_exists_is_not_overwritten(sandboxed):
    real = sandboxed.folder / ".pytrakt.json"
    real.write_text("real")
    done = sandboxed.run("--tokens", "pytrakt:~/.pytrakt.json", "--", "true")
    assert done.returncode == 1
    assert "exists and could contain a real login" in done.stderr
    assert real.read_text() == "real"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--allow", "api.trakt.tv"], "api.trakt.tv is a Trakt host"),
        (["--tokens", "kodi:x"], "'kodi' is not a format of logins"),
    ],
)
def test_wrong_usage_is_named_and_starts_nothing(sandboxed, words, message):
    done = sandboxed.run(*words, "--", "touch", "started")
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert not (sandboxed.folder / "started").exists()


@pytest.mark.slow
def test_a_device_code_is_approved_by_itself(sandboxed):
    program = [sys.executable, "-I", "-S", str(PROGRAM), "token.json"]
    done = sandboxed.run("--as", "mia", "--", "sh", "-c", '"$@" login && "$@"', "sh", *program)
    assert (done.returncode, done.stdout) == (0, b"mia\n"), done.stderr


@pytest.mark.slow
def test_a_command_that_never_ends_is_ended(sandboxed, mark):
    done = sandboxed.run("--timeout", "1", "--", "sh", "-c", f"trap '' TERM; sleep 1000; : {mark}")
    assert done.returncode == 124
    assert "ended after 1 s (--timeout)" in done.stderr
    assert processes_with(mark) == []
    assert sandboxed.left() == []


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal = __import__("signal"); signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.close(0); os.close(1); os.close(2)
        time.sleep(1000)
    os._exit(0)
os.wait()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a detached process is found on Linux alone")
@pytest.mark.parametrize(
    ("end", "status"), [("", 0), ("os.kill(os.getpid(), 9)", 128 + signal.SIGKILL)], ids=["ends", "killed"]
)
def test_a_daemon_that_the_command_leaves_is_ended(sandboxed, mark, end, status):
    done = sandboxed.run("--", sys.executable, "-c", DAEMON + end, mark)
    assert done.returncode == status, done.stderr
    assert processes_with(mark) == []
    assert sandboxed.left() == []


def test_sigterm_reaches_the_command_and_everything_is_removed(sandboxed, mark):
    process = sandboxed.start(
        "--", "sh", "-c", f"trap 'echo ended; exit 7' TERM; echo ready; sleep 1000 & wait; : {mark}"
    )
    assert process.stdout.readline() == b"ready\n"
    assert any(name.startswith("traktauth-sandbox-") for name in sandboxed.left())
    process.terminate()
    printed, _ = process.communicate(timeout=LONG)
    assert (process.returncode, printed) == (7, b"ended\n")
    assert processes_with(mark) == []
    assert sandboxed.left() == []


TWO_PROCESSES = """
import os, signal, sys, time
if "group" in sys.argv: os.setpgid(0, 0)
def show(text): os.write(1, f"{name} {text}\\n".encode())
def count(*_):
    global n
    n += 1
    show(f"interrupted {n}")
n, name = 0, "parent"
signal.signal(signal.SIGINT, count)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
if os.fork() == 0: name = "child"
show("ready")
while True: time.sleep(0.05)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "send"),
    [("the same group", os.kill), ("group", os.kill), ("the same group", os.killpg)],
    ids=["the sandbox alone", "the sandbox alone, the command in its own group", "the process group"],
)
def test_sigint_reaches_each_process_of_the_command_once(sandboxed, mark, group, send):
    """As Ctrl-C does: a shell does not end before its child has."""
    process = sandboxed.start("--", sys.executable, "-c", TWO_PROCESSES, group, mark, start_new_session=True)
    assert {process.stdout.readline() for _ in range(2)} == {b"parent ready\n", b"child ready\n"}
    for number in (b"1", b"2"):
        send(process.pid, signal.SIGINT)
        shown = {process.stdout.readline() for _ in range(2)}
        assert shown == {b"parent interrupted %b\n" % number, b"child interrupted %b\n" % number}
    process.terminate()
    printed, _ = process.communicate(timeout=LONG)
    assert (process.returncode, printed) == (7, b"")
    assert processes_with(mark) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="tgkill(2) is of Linux")
def test_a_signal_that_interrupts_another_thread_is_passed_on(sandboxed, mark):
    """The system may choose any thread, and the main one then goes on to wait."""
    script = f"trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done; : {mark}"
    process = sandboxed.start("--", "sh", "-c", script)
    assert process.stdout.readline() == b"ready\n"
    time.sleep(1)  # the main thread waits for the command by then, and else the test shows nothing
    threads = [int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()]
    other = next(thread for thread in threads if thread != process.pid)
    assert ctypes.CDLL(None).tgkill(process.pid, other, signal.SIGTERM) == 0
    process.communicate(timeout=LONG)
    assert process.returncode == 7
    assert processes_with(mark) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a detached process is found on Linux alone")
@pytest.mark.parametrize(
    "killed",
    [
        ["traktauth"], ["command"], ["listener", "traktauth"], ["traktauth", "listener"], ["traktauth", "command"],
        ["command", "listener", "traktauth"], ["process group"], ["listener", "process group"],
    ],
    ids=", ".join,
)  # fmt: skip
def test_nothing_is_left_after_kill_9_of_anything_but_the_supervisor(sandboxed, mark, killed):
    program = f"{DAEMON}\nprint('ready', flush=True)\ntime.sleep(1000)"
    process = sandboxed.start("--", sys.executable, "-c", program, mark, start_new_session=True)
    assert process.stdout.readline() == b"ready\n"
    assert len(processes_with(mark)) >= 3  # with the daemon, and traktauth itself
    (supervisor,) = children_of(process.pid)
    assert [word for word in words_of(supervisor)[1:] if "traktauth" in word] == []
    below = {mark in words_of(pid): pid for pid in children_of(supervisor) if os.getpgid(pid) == process.pid}
    pids = {"traktauth": process.pid, "command": below[True], "listener": below[False], "process group": -process.pid}
    for pid in map(pids.__getitem__, killed):
        with contextlib.suppress(ProcessLookupError):  # it has ended with the one before
            (os.kill if pid > 0 else os.killpg)(abs(pid), signal.SIGKILL)
    process.wait(LONG)
    wait_until(lambda: processes_with(mark) == [])
    wait_until(lambda: sandboxed.left() == [])
    wait_until(lambda: not Path(f"/proc/{supervisor}").exists())


def words_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def children_of(pid):
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@pytest.mark.slow
def test_a_command_that_needs_a_terminal_has_it(sandboxed):
    shown = "os.get_terminal_size(0).columns, os.tcgetpgrp(0) == os.getpgrp()"
    # Not one long wait: a signal that comes just before it does not end it.
    program = f"import os, time; print({shown})\nwhile True: time.sleep(0.05)"
    with contextlib.closing(Screen(sandboxed, program)) as screen:
        screen.read_until("81 True")
        os.write(screen.master, b"\x03")  # Ctrl-C
        screen.read_until("KeyboardInterrupt")
        assert screen.process.wait(LONG) == 128 + signal.SIGINT


@pytest.mark.slow
def test_ctrl_c_reaches_a_command_that_has_left_the_process_group(sandboxed):
    program = "import os, time; os.setpgid(0, 0); print('re' + 'ady')\nwhile True: time.sleep(0.05)"
    with contextlib.closing(Screen(sandboxed, program)) as screen:
        screen.read_until("ready")
        os.write(screen.master, b"\x03")
        screen.read_until("KeyboardInterrupt")
        assert screen.process.wait(LONG) == 128 + signal.SIGINT


class Screen:
    """The sandbox in a terminal of 81 columns."""

    def __init__(self, sandboxed, program):
        import fcntl  # noqa: PLC0415 - not on Windows
        import pty  # noqa: PLC0415 - the same
        import termios  # noqa: PLC0415 - the same

        self.shown = ""
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 81))

        def lead_the_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = sandboxed.start(
            "--", sys.executable, "-c", program,
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=lead_the_terminal,
        )  # fmt: skip
        os.close(slave)

    def read_until(self, text):
        while text not in self.shown:
            self.shown += os.read(self.master, 4096).decode()

    def close(self):
        os.close(self.master)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [6, 7, 10, 12, 14])
def test_a_missing_file_descriptor_is_named(sandboxed, limit):
    limited = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", sys.executable, "-m", "traktauth", "sandbox", "true"]
    done = subprocess.run(limited, env=sandboxed.env, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 1
    assert "Too many open files" in done.stderr
    assert "ulimit -n" in done.stderr
    assert "Traceback" not in done.stderr


CROWD = """
import os, resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
address = "127.0.0.1", int(os.environ["HTTPS_PROXY"].rpartition(":")[2])
crowd = [socket.create_connection(address, 60) for _ in range(60)]
for one in crowd:
    one.sendall(b"CONNECT api.trakt.tv:80 HTTP/1.1\\r\\n\\r\\n")
    one.sendall(b"GET /users/settings HTTP/1.1\\r\\nHost: api.trakt.tv\\r\\n\\r\\n")
answers = [one.makefile("rb") for one in crowd]
print({one.readlines(60)[2][:12] for one in answers}, os.environ["SOFT"])
"""


@pytest.mark.slow
def test_a_low_limit_of_open_files_is_raised_for_the_sandbox_alone(sandboxed):
    """As macOS has it: a connection takes three of them."""
    command = [sys.executable, "-m", "traktauth", "sandbox", "--", "sh", "-c", 'SOFT=$(ulimit -Sn) exec "$@"', "sh"]
    limited = ["sh", "-c", 'ulimit -Sn 64; ulimit -Hn 1000; exec "$@"', "sh", *command, sys.executable, "-c", CROWD]
    done = subprocess.run(limited, env=sandboxed.env, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.stdout == "{b'HTTP/1.1 403'} 64\n", done.stderr
    assert done.stderr == ""


@needs_curl
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="strace is of Linux")
def test_no_host_is_resolved_and_nothing_but_loopback_is_connected_to(sandboxed):
    if not __import__("shutil").which("strace"):
        pytest.skip("strace is not on this machine")
    log = sandboxed.folder / "trace"
    calls = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(log)]
    command = [*calls, sys.executable, "-m", "traktauth", "sandbox", "--", *CURL]
    done = subprocess.run(command, env=sandboxed.env, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stderr
    to_the_network = [line for line in log.read_text().splitlines() if "sin_port" in line or "sin6_port" in line]
    assert len(to_the_network) >= 2
    assert [line for line in to_the_network if 'inet_addr("127.0.0.1")' not in line] == []

"""What a client costs: a request, memory, start-up; side by side with rivals in one run.

Usage: python benchmarks/client.py [ROUNDS]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
sys.path.insert(0, str(HERE.parent))
from support.engines import Missing  # noqa: E402 - found through the line above
from support.environments import environment  # noqa: E402 - the same

# client -> the requirements of its environment; None: ours
CLIENTS = {
    "httpx2_bare": None,
    "traktauth": None,
    "traktauth_auth": None,
    "authlib": ("authlib>=1.6", "httpx2>=2.15", "httpx>=0.28"),
    "requests_oauthlib": ("requests-oauthlib>=2",),
    "pytrakt": ("pytrakt>=4",),
}
BATCH = 50
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def start(client: str, base: str) -> subprocess.Popen[str] | None:
    requirements = CLIENTS[client]
    try:
        python = sys.executable if requirements is None else environment(f"bench-{client}", *requirements)
    except Missing as missing:
        print(f"{client}: left out, {missing}")
        return None
    worker = [str(python), str(HERE / "clients" / "worker.py"), client, base]
    return subprocess.Popen(worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRON)


def ask(worker: subprocess.Popen[str], line: str) -> float:
    worker.stdin.write(f"{line}\n")
    worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        raise SystemExit(f"{worker.args[2]} ended with {worker.wait()}")
    return float(answer)


def requests(rounds: int) -> None:
    server = subprocess.Popen(
        [sys.executable, str(HERE / "clients" / "server.py"), "--uvloop"], stdout=subprocess.PIPE, text=True
    )
    base = f"http://127.0.0.1:{server.stdout.readline().strip()}"
    workers = {client: worker for client in CLIENTS if (worker := start(client, base))}
    try:
        for worker in workers.values():
            ask(worker, str(BATCH))
        times = {client: [] for client in workers}
        for _ in range(rounds):
            for client, worker in workers.items():
                times[client].append(ask(worker, str(BATCH)))
        memory = {client: ask(worker, "memory") for client, worker in workers.items()}
    finally:
        for process in (*workers.values(), server):
            process.terminate()
            process.wait()
    print(f"\nAn authorized request on a kept connection ({rounds} rounds of {BATCH})")
    print(f"{'':20}{'median µs':>10}{'ratio':>8}{'resident MB':>14}{'ratio':>8}")
    for client in workers:
        # The ratio is taken round by round, as the machine's speed drifts.
        ratio = statistics.median(a / b for a, b in zip(times[client], times["httpx2_bare"], strict=True))
        rss = memory[client] / memory["httpx2_bare"]
        print(f"{client:20}{statistics.median(times[client]):10.1f}{ratio:8.3f}{memory[client] / 1024:14.1f}{rss:8.3f}")


def run_measured(arguments: list[str], environ: dict[str, str]) -> tuple[float, bytes]:
    """Run a command; return its CPU time (user and system) in seconds and what it printed."""
    process = subprocess.Popen(arguments, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} exited with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, output


def starts(rounds: int) -> None:
    folder = tempfile.mkdtemp()
    place = {
        **{name: value for name, value in ENVIRON.items() if not name.startswith("TRAKTAUTH_")},
        "TRAKTAUTH_CLIENT_ID": "c" * 64,
        "TRAKTAUTH_CLIENT_SECRET": "s" * 64,
        "TRAKTAUTH_STORE": f"file:{folder}/tokens.json",
    }
    seed = (
        "import time; from traktauth import Token, Trakt; from traktauth.models.changes import SaveToken; "
        "t = Trakt.from_env(); "
        "token = Token('A'*64, 'R'*64, expires_in=604800, expires_at=time.time()+604800, generation=1); "
        "t.store.apply(t.config.key, SaveToken(token, after=0, at=time.time()))"
    )
    subprocess.run([sys.executable, "-c", seed], env=place, check=True)
    command = str(Path(sys.executable).with_name("traktauth"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import App, Trakt": [sys.executable, "-c", "from traktauth import App, Trakt"],
        "import click": [sys.executable, "-c", "import click"],
        "traktauth token": [command, "token"],
        "traktauth status": [command, "status"],
        "traktauth --help": [command, "--help"],
    }
    times = {name: [] for name in commands}
    work = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, arguments in commands.items():
            began = time.perf_counter()
            cpu, output = run_measured(arguments, place)
            if number:  # the first run compiles
                times[name].append(time.perf_counter() - began)
                work[name].append(cpu)
            if name == "traktauth token" and output.strip() != b"A" * 64:
                raise SystemExit("traktauth token printed something else")
    print(f"\nStart-up ({rounds} rounds; the CPU time's minimum holds on a busy machine too)")
    print(f"{'':20}{'median ms':>10}{'ratio':>8}{'CPU ms':>10}{'ratio':>8}")
    bare = "python -c pass"
    for name in commands:
        ratio = statistics.median(a / b for a, b in zip(times[name], times[bare], strict=True))
        cpu = min(work[name])
        print(
            f"{name:20}{statistics.median(times[name]) * 1e3:10.1f}{ratio:8.2f}"
            f"{cpu * 1e3:10.1f}{cpu / min(work[bare]):8.2f}"
        )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    print(json.dumps({"python": sys.version.split()[0], "cores": os.cpu_count()}))
    requests(count)
    starts(count)

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


def starts(rounds: int) -> None:
    folder = tempfile.mkdtemp()
    place = {
        **{name: value for name, value in ENVIRON.items() if not name.startswith("TRAKTAUTH_")},
        "TRAKTAUTH_CLIENT_ID": "c" * 64,
        "TRAKTAUTH_CLIENT_SECRET": "s" * 64,
        "TRAKTAUTH_STORE": f"file:{folder}/tokens.json",
    }
    seed = (
        "import time; from traktauth import Token, Trakt; t = Trakt.from_env(); "
        "token = Token('A'*64, 'R'*64, expires_in=604800, expires_at=time.time()+604800, generation=1); "
        "t.store.save(t.setup.key, token, after=0, at=time.time())"
    )
    subprocess.run([sys.executable, "-c", seed], env=place, check=True)
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import App, Trakt": [sys.executable, "-c", "from traktauth import App, Trakt"],
        "import click": [sys.executable, "-c", "import click"],
        "traktauth token": [str(Path(sys.executable).with_name("traktauth")), "token"],
    }
    times = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            done = subprocess.run(command, env=place, capture_output=True, check=True)
            if number:  # the first run compiles
                times[name].append(time.perf_counter() - began)
            if name == "traktauth token" and done.stdout.strip() != b"A" * 64:
                raise SystemExit("traktauth token printed something else")
    print(f"\nStart-up ({rounds} rounds)")
    bare = statistics.median(times["python -c pass"])
    for name in commands:
        ratio = statistics.median(a / b for a, b in zip(times[name], times["python -c pass"], strict=True))
        median = statistics.median(times[name])
        print(f"{name:20}{median * 1e3:8.1f} ms{ratio:8.2f} ×   adds {(median - bare) / bare:5.2f} ×")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    print(json.dumps({"python": sys.version.split()[0], "cores": os.cpu_count()}))
    requests(count)
    starts(count)

"""Hosts that share nothing but one database: network namespaces, each with its own loopback and two forwarded ports.

What is forwarded crosses on a Unix socket, which namespaces share, as they share the file system.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path


class Absent(Exception):
    """This machine has no namespaces for us."""


@contextmanager
def hosts(number, folder, ports):
    """Yield for each host what runs a program on it; on each, loopback's `ports` lead to this machine's."""
    if os.geteuid() or shutil.which("ip") is None:
        raise Absent("network namespaces need root and the program ip")
    made, running = [], []
    try:
        running += [forward(f"unix:{folder}/{port}", f"tcp:{port}") for port in ports]
        for place in range(number):
            name = f"traktauth-{os.getpid()}-{place}"
            done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
            if done.returncode:
                raise Absent(f"no network namespace can be made: {done.stderr.strip()}")
            made.append(name)
            inside = ("ip", "netns", "exec", name)
            subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
            running += [forward(f"tcp:{port}", f"unix:{folder}/{port}", prefix=inside) for port in ports]
        yield [("ip", "netns", "exec", name) for name in made]
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
            process.wait()
            process.stdout.close()
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


def forward(here, there, *, prefix=()):
    process = subprocess.Popen(
        [*prefix, sys.executable, str(Path(__file__)), here, there], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


# ---------------------------------------------------------------- the program that forwards
def listen(address):
    kind, _, where = address.partition(":")
    if kind == "tcp":
        return socket.create_server(("127.0.0.1", int(where)), backlog=256)
    server = socket.socket(socket.AF_UNIX)
    server.bind(where)
    server.listen(256)
    return server


def connect(address):
    kind, _, where = address.partition(":")
    if kind == "tcp":
        return socket.create_connection(("127.0.0.1", int(where)))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(where)
    return connection


def pump(source, target):
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def serve(here, there):
    with listen(here) as server:
        print("ready", flush=True)
        while True:
            near, _ = server.accept()
            try:
                far = connect(there)
            except OSError:
                near.close()
                continue
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()


if __name__ == "__main__":
    serve(*sys.argv[1:])

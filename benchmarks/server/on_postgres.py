"""The local Trakt on PostgreSQL, which makes each commit last; server, database and load share all cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from processes import cpu
from report import HEADINGS, grown, mark, ratio, row
from supply import Supply
from targets import ID, REDIRECT, Local, Missing, Rival

from support.postgres import PostgresServer

if TYPE_CHECKING:
    from pathlib import Path

FEW = 1000
TIMES_DOORKEEPER, AT_MOST = 6, 1.25


class LocalOnPostgres(Local):
    """A local Trakt on a database of its own."""

    cores = (None, None)

    def __init__(self, folder: Path, profile: str, name: str, server: PostgresServer) -> None:
        self.server = server
        database = name.replace(" ", "_")
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        address = f"{server.url.rpartition('/')[0]}/{database}"
        super().__init__(folder, profile, name, address)

    def cpu(self) -> float:
        return super().cpu() + cpu(self.server.process.pid)

    def settle(self) -> None:
        """Clean up after a flood of new rows, as PostgreSQL does by itself in the course of an hour."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def on_postgres(folder: Path, options) -> None:
    """Measure it beside Doorkeeper, and with few and many tokens."""
    try:
        server = PostgresServer("-c", "synchronous_commit=on", "-c", "max_wal_size=4GB")
    except Missing as missing:
        print(f"PostgreSQL: left out, {missing}")
        return
    try:
        beside_doorkeeper(folder, options, server)
        with_many(folder, options, server)
    finally:
        server.stop()


def beside_doorkeeper(folder: Path, options, server: PostgresServer) -> None:
    seconds = min(options.seconds, 20)
    targets = [local := LocalOnPostgres(folder, options.profile, "local Trakt, PostgreSQL", server)]
    try:
        beside = folder / "beside"
        beside.mkdir()
        targets.append(rival := Rival("doorkeeper", beside))
        for target in targets:
            target.load(target.job, tokens=target.tokens)
        results: dict[str, list[dict]] = {target.name: [] for target in targets}
        for _ in range(options.rounds):
            for target in targets:
                results[target.name].append(target.run(target.job, seconds=seconds, warm=1.0))
        ours = results[local.name]
        print(f"\nRefreshes on PostgreSQL, {options.rounds} rounds of {seconds} s\n{HEADINGS}")
        for name, result in results.items():
            row(name, result, ours)
        mark("local Trakt on PostgreSQL ÷ doorkeeper", ratio(ours, results[rival.name]), TIMES_DOORKEEPER)
    except Missing as missing:
        print(f"doorkeeper: left out, {missing}")
    finally:
        for target in targets:
            target.stop()


def with_many(folder: Path, options, server: PostgresServer) -> None:
    targets: dict[int, LocalOnPostgres] = {}
    results: dict[int, list[dict]] = {}
    try:
        for size in (FEW, options.largest):
            local = targets[size] = LocalOnPostgres(folder, options.profile, f"PostgreSQL with {size}", server)
            tokens = Supply(local.database, options.profile, ID, REDIRECT).refresh_tokens(size)
            file = folder / f"postgres-{size}.tokens"
            file.write_text("\n".join(tokens))
            local.load("refresh", tokens=[], tokens_file=str(file), draw=True)
            local.settle()
        for _ in range(options.rounds):
            for size, local in targets.items():
                found = local.run("refresh", seconds=min(options.seconds, 15), warm=2.0)
                results.setdefault(size, []).append(found)
    finally:
        for local in targets.values():
            local.stop()
    grown(results, AT_MOST)

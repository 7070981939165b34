"""`traktauth store schema`."""

from __future__ import annotations

import click

from traktauth.cli.click_classes import Command
from traktauth.cli.output import print_text


@click.command(
    "schema",
    cls=Command,
    short_help="Print the SQL that creates the tables of a store in PostgreSQL.",
    examples=[
        ("traktauth store schema --role app |\n  psql -v ON_ERROR_STOP=1 postgresql://admin@db/app", ""),
    ],
)
@click.option("--role", metavar="NAME", help="Also grant NAME the privileges that the store needs.")
def command(*, role: str | None) -> int:
    """Print the SQL that creates the tables of a store in PostgreSQL.

    The store creates them itself if its role has the privilege CREATE in the schema. If not, an administrator runs this
    once, in that schema; then the store needs only SELECT, INSERT and UPDATE.
    """
    from traktauth.stores.postgres.table_creation import schema_for  # noqa: PLC0415 - only this command, without the driver

    print_text(schema_for(role).rstrip("\n") + "\n")
    return 0

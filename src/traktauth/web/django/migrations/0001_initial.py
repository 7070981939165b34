"""Make the two tables."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """The first."""

    initial = True
    dependencies: ClassVar = []
    operations: ClassVar = [
        migrations.CreateModel(
            name="LoginRecord",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("text", models.TextField()),
            ],
            options={"db_table": "traktauth_django_login"},
        ),
        migrations.CreateModel(
            name="LoginLock",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("owner", models.CharField(max_length=32)),
                ("until", models.DateTimeField()),
            ],
            options={"db_table": "traktauth_django_lock"},
        ),
    ]

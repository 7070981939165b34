"""Run a command of the project; `serve PORT` migrates and serves."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    if sys.argv[1:2] == ["serve"]:
        execute_from_command_line([sys.argv[0], "migrate", "--verbosity", "0"])
        sys.argv[1:] = ["runserver", "--noreload", sys.argv[2]]
    execute_from_command_line(sys.argv)

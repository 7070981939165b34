"""A program whose login `traktauth proxy` holds: taken over from the program's file once, as before a first refresh.

Usage: behind_proxy.py FORMAT PATH CMD …; PATH is below the home folder.
"""

import contextlib
import os
import pathlib
import sys
import time

from traktauth import LoginExists, Trakt
from traktauth.migrate.formats import find_format
from traktauth.migrate.login_file import read_file

name, path, *command = sys.argv[1:]
with Trakt.from_env() as trakt, contextlib.suppress(LoginExists):  # of several copies one is the first
    if not trakt.accounts():
        trakt.adopt(find_format(name).read(read_file(pathlib.Path.home() / path).text, now=time.time()).token())
os.execv(sys.executable, [sys.executable, "-m", "traktauth", "proxy", "--", *command])

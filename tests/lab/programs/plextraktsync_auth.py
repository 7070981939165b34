"""PlexTraktSync's own command that asks Trakt who is signed in, with its files below HOME."""

import os
import subprocess
import sys
from pathlib import Path

home = Path(os.environ["HOME"])
folders = {f"PTS_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "CACHE", "LOG")}
(home / "config" / ".env").write_text("TRAKT_USERNAME=sean\n")  # which its sign-in writes beside the token
command = [Path(sys.executable).with_name("plextraktsync"), "--no-cache", "auth"]
done = subprocess.run(command, env=os.environ | folders, stdout=subprocess.PIPE, text=True, check=False)
print(done.stdout)
sys.exit("Username: sean" not in done.stdout)  # its own exit status is 0 if nobody is signed in

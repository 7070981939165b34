#!/bin/sh
# Authlib on Flask under gunicorn: one worker that keeps connections (gthread), no logs.
# Usage: start.sh PORT DATABASE TOKENS, with $PYTHON naming the interpreter of an environment of requirements.txt.
set -eu
cd "$(dirname "$0")"
rm -f "$2" "$2-wal" "$2-shm"
export DATABASE="$2" TOKENS="$3" AUTHLIB_INSECURE_TRANSPORT=1 PYTHONDONTWRITEBYTECODE=1
exec "${PYTHON:-python3}" -m gunicorn --workers 1 --worker-class gthread --threads "${THREADS:-4}" --keep-alive 75 \
  --log-level critical --bind "127.0.0.1:$1" server:app

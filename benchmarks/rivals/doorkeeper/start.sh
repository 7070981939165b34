#!/bin/sh
# Doorkeeper on puma: one worker, default threads, production. Usage: start.sh PORT DATABASE TOKENS
# Needs doorkeeper 5.6 to 5.8, rails 7.1 to 7.2, sqlite3 and puma 6 (Debian: ruby-doorkeeper ruby-rails ruby-sqlite3 puma).
set -eu
cd "$(dirname "$0")"
rm -f "$2" "$2-wal" "$2-shm"
export RAILS_ENV=production RACK_ENV=production DATABASE="$2" TOKENS="$3"
exec puma --quiet --no-config --bind "tcp://127.0.0.1:$1" config.ru

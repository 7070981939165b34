#!/bin/sh
# oidc-provider, in memory. Usage: start.sh PORT DATABASE TOKENS (the database is not used). Needs node and npm.
# $OIDC_PROVIDER_HOME: where its packages go (default: .envs/oidc-provider in the checkout).
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
home="${OIDC_PROVIDER_HOME:-$here/../../../.envs/oidc-provider}"
mkdir -p "$home"
cp "$here/package.json" "$here/server.mjs" "$home/"
cd "$home"
[ -d node_modules/oidc-provider ] || npm install --no-package-lock --no-audit --no-fund --silent >&2
NODE_ENV=production exec node server.mjs "$1" "$3"

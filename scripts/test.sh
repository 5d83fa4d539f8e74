#!/bin/sh
# Installs what the tests need and runs every check: types, lint, build, tests.
set -eu
cd "$(dirname "$0")/.."
scripts/install-parts.sh all
[ -d node_modules/esbuild ] || npm ci --no-fund --no-audit
npm run check

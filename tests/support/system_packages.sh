#!/bin/sh
# Sees to the packages of the system that `make test` needs: Debian's own PostgreSQL, for the second run of the tests
# that touch a database. Installs it where that is possible; else says what to do, and fails: nothing is skipped.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}
hand="install it by hand (apt-get install postgresql), or run the other tests with: make check && .venv/bin/python -m pytest"

installed() { "$python" debian_postgres.py --find >/dev/null; }
fail() { echo "system_packages: $*" >&2; exit 1; }

! installed || exit 0
command -v apt-get >/dev/null || fail "the second test run needs the PostgreSQL server of a Debian system, and this is" \
    "none; run the other tests with: make check && .venv/bin/python -m pytest"
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    fail "the second test run needs Debian's PostgreSQL, and only root may install it: $hand"
fi

echo "Installing Debian's PostgreSQL server (once, about a minute)"
log=$(mktemp)
settings=/etc/postgresql-common/createcluster.conf
kept=
# What was changed is put back, whatever happens.
restore() {
    [ -z "$kept" ] || $as_root mv "$kept" "$settings"
    rm -f "$log"
}
trap restore EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Three tries, since a mirror may be away for a moment; each ends by itself, also when another apt-get is at work.
quietly() {
    for pause in 5 20 0; do
        if $as_root timeout 300 env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null; then return 0; fi
        sleep "$pause"
    done
    cat "$log" >&2
    fail "'$*' failed three times: $hand"
}
get() { quietly apt-get -q -y -o Acquire::Retries=2 -o DPkg::Lock::Timeout=120 "$@"; }

get update
# The server's package makes a cluster and starts it, now and at every boot. The tests make their own, so it is told not
# to; its settings come with postgresql-common, so that goes first.
get install --no-install-recommends postgresql-common
if [ -f "$settings" ]; then
    $as_root cp -p "$settings" "$settings.rpawatch"
    kept=$settings.rpawatch
fi
echo "create_main_cluster = false" | $as_root tee -a "$settings" >/dev/null
get install --no-install-recommends postgresql
installed || fail "Debian's PostgreSQL was installed but is not 14 or newer, or came from another archive: $hand"

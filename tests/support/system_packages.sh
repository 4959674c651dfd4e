#!/bin/sh
# Sees to the packages of the system that the tests need beyond Python: all of them, or those that are named.
#
#     system_packages.sh [postgresql] [chromium] [npm] [nginx-light] [pgbouncer] [faketime] [default-jdk-headless]
#
# Each is installed only when it is missing and where that is possible; else this says what to do, and fails: nothing is
# skipped.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}
[ $# -gt 0 ] || set -- postgresql chromium npm nginx-light pgbouncer faketime default-jdk-headless

# Each need by the name of its package: whether it is there, and what for.
is_there() {
    case $1 in
    postgresql) "$python" debian_postgres.py --find >/dev/null ;; # Debian's own: see there
    chromium) command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null ;;
    pgbouncer) [ -x /usr/sbin/pgbouncer ] ;;
    nginx-light) [ -x /usr/sbin/nginx ] ;; # not on every PATH
    default-jdk-headless) command -v javac >/dev/null ;; # which has java too
    *) command -v "$1" >/dev/null ;;
    esac
}
purpose() {
    case $1 in
    postgresql) echo "the PostgreSQL server of Debian (14 or newer), for the second run of the tests that touch a database" ;;
    faketime) echo "the library faketime, for the tests of machines whose clocks are wrong" ;;
    chromium) echo "the browser Chromium, for the tests of the web pages" ;;
    npm) echo "npm, which gets what the tests of the web pages and of the API's document need" ;;
    default-jdk-headless) echo "Java, on which the Nu checker of the web pages runs, and a client that is generated for it" ;;
    pgbouncer) echo "Debian's PgBouncer, for the tests of the database behind a pooler" ;;
    nginx-light) echo "Debian's nginx, for the tests of the service behind a proxy" ;;
    *) fail "nothing is known about the need '$1'" ;;
    esac
}
fail() { echo "system_packages: $*" >&2; exit 1; }

missing=
for need; do
    what=$(purpose "$need") || exit 1
    is_there "$need" || { missing="$missing $need"; echo "Missing: $what"; }
done
[ -n "$missing" ] || exit 0
hand="install by hand what is missing (apt-get install$missing), or run the other tests with: make check && .venv/bin/python -m pytest --ignore=tests/pages --ignore=tests/clients --ignore=tests/acceptance/everywhere/test_behind_nginx.py --ignore-glob=*/test_pooler.py"

command -v apt-get >/dev/null || fail "this is no Debian system, and only there it can be installed from here: $hand"
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    fail "only root may install it: $hand"
fi

echo "Installing with apt-get:$missing (once, a minute or two)"
log=$(mktemp)
settings=/etc/postgresql-common/createcluster.conf
kept=
policy=
# What was changed is put back, whatever happens.
restore() {
    [ -z "$kept" ] || $as_root mv "$kept" "$settings"
    [ -z "$policy" ] || $as_root rm -f "$policy"
    rm -f "$log"
}
trap restore EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Three tries, since a mirror may be away for a moment; each ends by itself, also when another apt-get is at work.
quietly() {
    for pause in 5 20 0; do
        if $as_root timeout 600 env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null; then return 0; fi
        sleep "$pause"
    done
    cat "$log" >&2
    fail "'$*' failed three times: $hand"
}
get() { quietly apt-get -q -y -o Acquire::Retries=2 -o DPkg::Lock::Timeout=120 "$@"; }
add() { get install --no-install-recommends "$@"; }

# The server's package makes a cluster and starts it, now and at every boot. The tests make their own, so it is told not
# to; its settings come with postgresql-common, so that goes first.
add_postgresql() {
    add postgresql-common
    if [ -f "$settings" ]; then
        $as_root cp -p "$settings" "$settings.rpawatch"
        kept=$settings.rpawatch
    fi
    echo "create_main_cluster = false" | $as_root tee -a "$settings" >/dev/null
    add postgresql
}

# Packages that start a server of their own. Debian's way to say no to that is a file, which some containers have anyway.
add_unstarted() {
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod 755 "$policy"
    fi
    add "$1"
}

# The part of it that shows nothing on a screen takes half of the processor time, where there is one by itself. Without
# its sandbox it starts for root only, on some systems.
add_chromium() {
    shell=chromium-headless-shell
    apt-cache show "$shell" >/dev/null 2>&1 || shell=chromium
    add "$shell" chromium-sandbox
}

get update
for need in $missing; do
    case $need in
    postgresql) add_postgresql ;;
    nginx-light | pgbouncer) add_unstarted "$need" ;;
    chromium) add_chromium ;;
    *) add "$need" ;;
    esac
    is_there "$need" || fail "$need was installed and is not what is needed, or came from another archive: $hand"
done

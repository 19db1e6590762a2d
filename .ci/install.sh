# shellcheck shell=sh
# What the scripts of this repository install on a machine. To be read by them, at the top of the repository.

# Where what is built for tests is kept. Its lock file or version is in its name: what has another is built beside it.
kept() { # NAME VERSION
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/pbx_exporter/$1-$2"
}

# The packages of the OAuth2 server that others wrote. The tests ask here, too.
oauth2_server() {
    kept oauth2-server "$(sha256sum tests/oauth2-server/package-lock.json | cut -c 1-16)"
}

# A server on the Prometheus family's own listener, and the promtool of Prometheus 3; `tests/toolkit/build` makes both where Go is there.
toolkit() {
    kept toolkit "$(cat tests/toolkit/main.go tests/toolkit/go.sum | sha256sum | cut -c 1-16)"
}
promtool3() {
    kept promtool "$(sha256sum tests/toolkit/promtool/go.sum | cut -c 1-16)"
}

# pyfreepbx and what it needs, of which some is built for one version of Python.
pyfreepbx() {
    kept pyfreepbx "$({ cat tests/pyfreepbx/requirements.txt && python3 --version; } | sha256sum | cut -c 1-16)"
}

# Installs the Debian packages of those programs that are missing.
need() { # PROGRAM:PACKAGE...
    missing=
    for pair; do
        command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
    done
    # shellcheck disable=SC2086  # a list of words
    [ -z "$missing" ] || install_packages $missing
}

# A package that starts a service starts none here: policy-rc.d forbids it until all are installed. The one that was there comes back.
install_packages() {
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    # shellcheck disable=SC2016  # for the inner shell
    $sudo flock /run/lock/pbx_exporter-install env DEBIAN_FRONTEND=noninteractive sh -euc '
        policy=/usr/sbin/policy-rc.d
        before=$policy.before-pbx_exporter
        back() {
            rm -f "$policy"
            [ ! -e "$before" ] || mv "$before" "$policy"
        }
        trap back EXIT
        trap "exit 130" HUP INT TERM
        # One of ours is left from a run that was killed.
        if [ -e "$policy" ] && ! grep -qs pbx_exporter "$policy"; then mv "$policy" "$before"; fi
        printf "#!/bin/sh\n# While pbx_exporter installs what its tests use: no package starts a service.\nexit 101\n" >"$policy"
        chmod 755 "$policy"
        apt-get update -q
        apt-get install -y -q --no-install-recommends "$@"
    ' install "$@"
}

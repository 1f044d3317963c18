# shellcheck shell=bash disable=SC2016
# What both hosts-up.sh and slurm-up.sh begin with, after they have set STATE and NODES.
say() { echo "$(basename "$0" .sh): $*" >&2; }
die() { say "$*"; exit 1; }
cannot() { say "not possible here: $*"; exit 77; }   # for tests: skip
case $STATE in /*) ;; *) die "CLUSTER_STATE must be a full path";; esac
case "$STATE$NODES" in *[!A-Za-z0-9\ ._/-]*) die "odd character in CLUSTER_STATE or CLUSTER_HOSTS";; esac
case $STATE in *" "*) die "no blanks in CLUSTER_STATE";; esac
[ ${#STATE} -le 60 ] || die "CLUSTER_STATE is too long for socket names below it (60)"

# install_packages PACKAGE...: of Debian
install_packages() {
    [ $# -gt 0 ] || return 0
    local made_policy= log ok=1
    say "installing $*"
    # Packages must not start their services by themselves.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d; made_policy=1
    fi
    log=$(mktemp)
    { timeout 120 apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 400 \
        apt-get install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null || ok=0
    [ -z "$made_policy" ] || rm -f /usr/sbin/policy-rc.d
    [ "$ok" = 1 ] || { tail -n 20 "$log" >&2; rm -f "$log"; cannot "apt-get failed"; }
    rm -f "$log"
}

wait_for() {  # wait_for SECONDS WHAT CMD...
    local end=$((SECONDS + $1 + 1)) what=$2; shift 2
    until "$@"; do
        [ $SECONDS -lt $end ] || die "gave up waiting for: $what"
        sleep 0.05
    done
}

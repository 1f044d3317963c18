#!/usr/bin/env bash
# Stops the Slurm cluster that slurm-up.sh started for the project's tests
# (idempotent).  Cancels its jobs, then ends the daemons by their pid files.
#   CLUSTER_STATE  state folder (/tmp/cluster-test)
#   CLUSTER_KEEP   1: keep $CLUSTER_STATE/slurm (logs) afterwards (0)
# Hosts that hosts-up.sh started stay; end them with hosts-down.sh.
# shellcheck disable=SC2016  # shell text for another shell stays as it is
set -euo pipefail
STATE=${CLUSTER_STATE:-/tmp/cluster-test}
S=$STATE/slurm
[ -s "$S/kind" ] || exit 0
KIND=$(cat "$S/kind")
L=$S/local; [ "$KIND" = loopback ] || L=$STATE/local
exec 9>"$S/lock"
flock -w 60 9 || { echo "slurm-down: another up/down is at work" >&2; exit 1; }
while read -r v; do unset "$v"; done < <(compgen -e | grep '^SLURM_' || :)
export SLURM_CONF=$S/slurm.conf

on() {
    local h=$1; shift
    if [ "$KIND" = hosts ]; then "$STATE/bin/on" "$h" "$@" 9>&- 2>/dev/null; else "$@" 9>&-; fi
}
up() { on login true; }
NODES=$(sed -n 's/^NodeName=\([^ ]*\).*/\1/p' "$S/slurm.conf" 2>/dev/null || :)

# stop HOST PIDFILE NAME...: TERM, then KILL after 5 s; only if the pid is that daemon
stop() {
    local h=$1 f=$2 name=$3
    [ "$KIND" = loopback ] || "$STATE/bin/on" "$h" true 2>/dev/null || { rm -f "$f"; return 0; }
    on "$h" sh -c '
        p=$(cat "$1" 2>/dev/null) && [ -n "$p" ] || exit 0
        is() { [ "$(cat "/proc/$p/comm" 2>/dev/null)" = "$2" ] && ! grep -q "^State:.Z" "/proc/$p/status" 2>/dev/null; }
        i=0; while is "$@"; do
            [ $i != 0 ] || kill -TERM "$p" 2>/dev/null
            [ $i != 100 ] || kill -KILL "$p" 2>/dev/null
            [ $i -lt 140 ] || exit 1
            i=$((i + 1)); sleep 0.05
        done
        rm -f "$1"' - "$f" "$name" || { echo "slurm-down: $name ($f) does not end" >&2; rc=1; }
}

rc=0
ctl=login; [ "$KIND" = hosts ] || ctl=$(hostname -s)
if [ "$KIND" = loopback ] || "$STATE/bin/on" login true 2>/dev/null; then
    # Jobs first: their processes belong to slurmstepd, which outlives slurmd.
    if on "$ctl" timeout 5 scancel --quiet --user="$(id -un)" 2>/dev/null; then
        i=0
        while [ -n "$(on "$ctl" timeout 5 squeue -h -o %i 2>/dev/null)" ] && [ $i -lt 80 ]; do
            i=$((i + 1)); sleep 0.1
        done
    fi
fi
for n in $NODES; do stop "$n" "$S/pid/slurmd-$n.pid" slurmd & done
wait
stop "$ctl" "$S/pid/slurmctld.pid" slurmctld
if [ "$KIND" = hosts ]; then for h in login $NODES; do stop "$h" "$L/munge/pid" munged; done
else stop "$ctl" "$L/munge/pid" munged; fi
[ $rc = 0 ] || exit $rc
if [ "${CLUSTER_KEEP:-0}" = 1 ]; then
    rm -f "$S/kind"
else
    rm -rf "${S:?}"
    rmdir "$STATE" 2>/dev/null || :   # only if nothing else is in it
fi
echo "slurm-down: done" >&2

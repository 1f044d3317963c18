#!/usr/bin/env bash
# Starts a small Slurm cluster on this one machine for the project's tests:
# munged, slurmctld and one slurmd for each node; needs no systemd.
#
#   slurm-up.sh            start what is not running (idempotent)
#   exit status            0 up; 77 not possible on this machine; else an error
#   . "$CLUSTER_STATE/slurm/env"     afterwards: SLURM_CONF for srun, sbatch, ...
#
# Two kinds, CLUSTER_SLURM=
#   loopback  (default) all daemons on 127.0.0.1, one port for each slurmd; the
#             Slurm commands work in any shell.  Nodes differ by hostname only.
#   hosts     the nodes are the hosts of hosts-up.sh (started if need be): own
#             network, processes, /dev/shm.  Run the Slurm commands on a host:
#             $CLUSTER_STATE/bin/on login srun ...
#
# Settings (environment):
#   CLUSTER_STATE  state folder               (/tmp/cluster-test)
#   CLUSTER_HOSTS  names of the nodes         ("node1 node2 node3")
#   SLURM_CPUS     CPUs each node pretends to have       (4)
#   SLURM_MEM      MB of memory each node pretends to have   (4000)
#   SLURM_PORT     first of the TCP ports     (26817)
#   SLURM_PMIX     1: have srun --mpi=pmix (needs libpmix-dev)   (1)
#   SLURM_MPI      default of srun --mpi: none, pmi2, pmix   (none)
#   SLURM_EXTRA    more lines for slurm.conf
# shellcheck disable=SC2016  # shell text for another shell stays as it is
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
STATE=${CLUSTER_STATE:-/tmp/cluster-test}
NODES=${CLUSTER_HOSTS:-node1 node2 node3}
KIND=${CLUSTER_SLURM:-loopback}
NET=${CLUSTER_NET:-10.99.77}
CPUS=${SLURM_CPUS:-4}
MEM=${SLURM_MEM:-4000}
PORT=${SLURM_PORT:-26817}
MPI=${SLURM_MPI:-none}
PMIX=${SLURM_PMIX:-1}
EXTRA=${SLURM_EXTRA:-}
# What a shell that already sourced env, or runs inside a job, has must not leak in.
while read -r v; do unset "$v"; done < <(compgen -e | grep '^SLURM_' || :)

# shellcheck source=tests/cluster/common.sh
. "$(dirname "$0")/common.sh"
[ "$(id -u)" = 0 ] || cannot "needs root"
case $KIND in loopback|hosts) ;; *) die "CLUSTER_SLURM is loopback or hosts";; esac

# --- Debian packages, only if a program is missing ---------------------------
need=()
[ -x /usr/sbin/slurmctld ] || need+=(slurmctld)
[ -x /usr/sbin/slurmd ]    || need+=(slurmd)
[ -x /usr/sbin/munged ]    || need+=(munge)
command -v srun >/dev/null || need+=(slurm-client)
# The PMIx plugin of Slurm opens pmix2/lib/libpmix.so, a name that only the
# -dev package has.
lib=/usr/lib/$(uname -m)-linux-gnu
if [ "$PMIX" = 1 ] && [ ! -e "$lib/pmix2/lib/libpmix.so" ]; then need+=(libpmix-dev); fi
install_packages "${need[@]}"
unshare --uts --mount true 2>/dev/null || cannot "no right to make namespaces"

if [ "$KIND" = hosts ]; then
    CLUSTER_STATE=$STATE CLUSTER_HOSTS=$NODES CLUSTER_NET=$NET "$HERE/hosts-up.sh"
fi

S=$STATE/slurm
# Where nodes are hosts, $STATE/local is another folder on each of them.
L=$S/local; [ "$KIND" = loopback ] || L=$STATE/local
mkdir -p "$S"/{log,pid,state} "$L"
chmod 755 "$STATE" "$S"
exec 9>"$S/lock"
flock -w 60 9 || die "another up/down is at work in $S"
if [ -s "$S/kind" ] && [ "$(cat "$S/kind")" != "$KIND" ]; then
    die "a cluster of the other kind is in $S: run slurm-down.sh first"
fi
echo "$KIND" >"$S/kind"

# on HOST CMD...: on a host of hosts-up.sh, or just here.
on() {
    local h=$1; shift
    if [ "$KIND" = hosts ]; then "$STATE/bin/on" "$h" "$@" 9>&-; else "$@" 9>&-; fi
}
# on_exec: the same in place of the (sub)shell, for what stays in the background
on_exec() {
    local h=$1; shift
    if [ "$KIND" = hosts ]; then exec "$STATE/bin/on" "$h" "$@"; else exec "$@"; fi
}
# runs HOST PIDFILE NAME: the daemon NAME of that pid file is alive
runs() {
    on "$1" sh -c 'p=$(cat "$1" 2>/dev/null) && [ -n "$p" ] && [ "$(cat "/proc/$p/comm" 2>/dev/null)" = "$2" ] &&
        ! grep -q "^State:.Z" "/proc/$p/status"' - "$2" "$3"
}

# --- configuration -----------------------------------------------------------
if [ "$KIND" = hosts ]; then
    controller=login caddr=$NET.1
else
    controller=$(hostname -s) caddr=127.0.0.1
fi
{
    cat <<CONF
ClusterName=testcluster
SlurmctldHost=$controller($caddr)
SlurmctldPort=$PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$L/munge/socket
CredType=cred/munge
SlurmctldPidFile=$S/pid/slurmctld.pid
SlurmctldLogFile=$S/log/slurmctld.log
SlurmctldDebug=info
StateSaveLocation=$S/state
SlurmdPidFile=$S/pid/slurmd-%n.pid
SlurmdLogFile=$S/log/slurmd-%n.log
SlurmdSpoolDir=$L/slurmd-%n
TmpFS=$L/tmp-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=$MPI
MailProg=/bin/true
# nodes pretend to be larger than this machine
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=200
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1
# a job over its memory is ended, without cgroups
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
# one line for each finished job; read by "sacct -c"
JobCompType=jobcomp/filetxt
JobCompLoc=$S/log/jobcomp.txt
MinJobAge=600
# short waits: a lost node is noticed in seconds
SlurmctldTimeout=10
SlurmdTimeout=6
MessageTimeout=5
TCPTimeout=2
KillWait=2
UnkillableStepTimeout=20
InactiveLimit=0
WaitTime=0
ReturnToService=2
CONF
    i=0
    for n in $NODES; do
        i=$((i + 1))
        if [ "$KIND" = hosts ]; then addr=$NET.$((10 + i)) port=$((PORT + 1)); else addr=127.0.0.1 port=$((PORT + i)); fi
        echo "NodeName=$n NodeHostname=$n NodeAddr=$addr Port=$port CPUs=$CPUS RealMemory=$MEM State=UNKNOWN"
    done
    echo "PartitionName=test Nodes=${NODES// /,} Default=YES MaxTime=INFINITE State=UP"
    # takes no job from where the tests submit theirs (groups and accounts bind everybody but root)
    echo "PartitionName=closed Nodes=${NODES// /,} AllocNodes=nowhere MaxTime=INFINITE State=UP"
    [ -z "$EXTRA" ] || printf '%s\n' "$EXTRA"
} >"$S/slurm.conf.new"
if ! cmp -s "$S/slurm.conf.new" "$S/slurm.conf"; then mv "$S/slurm.conf.new" "$S/slurm.conf"; else rm "$S/slurm.conf.new"; fi
{
    printf 'export SLURM_CONF=%q\n' "$S/slurm.conf"
    # MPI between loopback nodes stays on lo.  (Open MPI's mpiexec has no such
    # setting: it wants some other interface and talks to itself over its address.)
    [ "$KIND" = hosts ] || printf 'export %s\n' UCX_NET_DEVICES=lo FI_TCP_IFACE=lo \
        OMPI_MCA_btl_tcp_if_include=lo PMIX_MCA_ptl_tcp_if_include=lo HYDRA_IFACE=lo
} >"$S/env"
export SLURM_CONF=$S/slurm.conf

# --- munge: a key of its own, one daemon for each host -----------------------
if [ ! -s "$S/munge.key" ]; then
    (umask 077; head -c 128 /dev/urandom >"$S/munge.key")
fi
start_munged() {
    on "$1" sh -c '
        set -e; umask 022; mkdir -p "$2"; [ ! -e "$2/socket.lock" ] || rm -f "$2/socket.lock"
        exec /usr/sbin/munged --force --key-file="$1" --socket="$2/socket" --pid-file="$2/pid" \
            --seed-file="$2/seed" --log-file="$2/log" --num-threads=2' - "$S/munge.key" "$L/munge" \
            2>>"$S/log/munged-start.log" </dev/null
}
mungers=$controller
[ "$KIND" = loopback ] || mungers="login $NODES"
for h in $mungers; do
    runs "$h" "$L/munge/pid" munged && continue
    start_munged "$h" || die "munged on $h did not start (see $S/log/munged-start.log)"
    wait_for 5 "munged on $h" on "$h" sh -c "munge -n --socket='$L/munge/socket' >/dev/null 2>&1"
done

# --- slurmctld ---------------------------------------------------------------
if ! runs "$controller" "$S/pid/slurmctld.pid" slurmctld; then
    on "$controller" /usr/sbin/slurmctld -f "$S/slurm.conf" </dev/null >>"$S/log/slurmctld-start.log" 2>&1 \
        || die "slurmctld did not start (see $S/log/slurmctld-start.log)"
fi

# --- slurmd, one for each node -----------------------------------------------
i=10
for n in $NODES; do
    i=$((i + 1))
    runs "$n" "$S/pid/slurmd-$n.pid" slurmd && continue
    # Without cred_state: a killed slurmctld may give out the last job numbers again.
    rm -f "$S/pid/slurmd-$n.pid"
    if [ "$KIND" = hosts ]; then
        on "$n" sh -c 'mkdir -p "$3/slurmd-$2" "$3/tmp-$2"; rm -f "$3/slurmd-$2"/cred_state*; exec /usr/sbin/slurmd -f "$1" -N "$2"' \
            - "$S/slurm.conf" "$n" "$L" </dev/null >>"$S/log/slurmd-start.log" 2>&1 || die "slurmd for $n did not start"
    else
        # The node has its own hostname, and its own /etc/hosts that knows all names.
        { cat /etc/hosts; for m in $NODES; do echo "127.0.0.1 $m"; done; } >"$S/etc-hosts"
        mkdir -p "$L/slurmd-$n" "$L/tmp-$n"; rm -f "$L/slurmd-$n"/cred_state*
        # shellcheck disable=SC1091
        (. "$S/env"; TMPDIR=$L/tmp-$n exec unshare --uts --mount --propagation private -- sh -c '
            hostname "$2" && mount --bind "$3/etc-hosts" /etc/hosts && exec /usr/sbin/slurmd -f "$1" -N "$2"' \
            - "$S/slurm.conf" "$n" "$S") 9>&- </dev/null >>"$S/log/slurmd-start.log" 2>&1 \
            || die "slurmd for $n did not start (see $S/log/slurmd-start.log)"
    fi
done

# --- ready? ------------------------------------------------------------------
ready() {
    [ "$(on "$controller" timeout 5 sinfo -h -N -p test -o '%N %t' 2>/dev/null | grep -c -E ' (idle|mix|alloc|comp)$')" = "$(wc -w <<<"$NODES")" ]
}
resume() { on "$controller" timeout 5 scontrol update NodeName="${NODES// /,}" State=RESUME >/dev/null 2>&1 || :; }
wait_for 10 "slurmctld" on "$controller" sh -c 'timeout 3 scontrol ping 2>/dev/null | grep -q "is UP"'
ready || resume
wait_for 20 "all nodes idle (see $S/log)" ready
if [ "$KIND" = hosts ]; then
    say "up: $NODES (try: $STATE/bin/on login sinfo)"
else
    say "up: $NODES (try: . $S/env; sinfo)"
fi

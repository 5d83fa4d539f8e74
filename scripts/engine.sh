#!/bin/sh
# Starts and stops a Docker Engine of its own (Debian's docker.io), on a private socket with its own data root:
# nothing that runs on the machine already is touched. Needs root and cgroups, no systemd. Containers have the networks
# `none` and `host` only: no bridge is made and no firewall rule is changed.
#
#   scripts/engine.sh start DIR    prints unix://DIR/docker.sock when the Engine answers
#   scripts/engine.sh stop DIR     ends it, unmounts what it mounted and removes its data
#
# GSC_ENGINE_DRIVER (overlay2, vfs) sets the storage driver; default: overlay2, else vfs.
# The log is DIR/dockerd.log.
set -eu

usage() {
  echo "usage: $0 start|stop DIR" >&2
  exit 2
}

fail() {
  echo "engine.sh: $*" >&2
  exit 1
}

# Debian's client, by its path: the first one on PATH may be newer and not speak the old Engine's API.
docker_cli() {
  /usr/bin/docker --host "unix://$dir/docker.sock" "$@"
}

# is_process NAME PIDFILE: true if the process in the file runs and is still the one that wrote it. A dead one that nobody
# has collected yet keeps its name.
is_process() {
  [ -s "$2" ] && awk -v name="$1" '
    $1 == "Name:" { named = ($2 == name) }
    $1 == "State:" { alive = ($2 != "Z" && $2 != "X") }
    END { exit !(named && alive) }' "/proc/$(cat "$2")/status" 2>/dev/null
}

is_running() {
  is_process dockerd "$dir/dockerd.pid"
}

answers() {
  docker_cli version >/dev/null 2>&1
}

# A file system that can hold overlayfs's upper directories: tried by mounting, not guessed.
overlay_works() {
  mkdir -p "$dir/probe/lower" "$dir/probe/upper" "$dir/probe/work" "$dir/probe/merged"
  if mount -t overlay overlay \
    -o "lowerdir=$dir/probe/lower,upperdir=$dir/probe/upper,workdir=$dir/probe/work" "$dir/probe/merged" 2>/dev/null; then
    umount "$dir/probe/merged"
    rm -rf "$dir/probe"
    return 0
  fi
  rm -rf "$dir/probe"
  return 1
}

launch() {
  setsid /usr/sbin/dockerd \
    --host "unix://$dir/docker.sock" \
    --data-root "$dir/data" \
    --exec-root "$dir/exec" \
    --pidfile "$dir/dockerd.pid" \
    --config-file "$dir/daemon.json" \
    --storage-driver "$driver" \
    --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false --bridge=none \
    >>"$dir/dockerd.log" 2>&1 </dev/null &
  launched=$!
}

start() {
  [ "$(id -u)" = 0 ] || fail 'the Engine needs root'
  [ -x /usr/sbin/dockerd ] || fail 'there is no /usr/sbin/dockerd: run scripts/install-parts.sh docker first'
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  case $dir in *[[:space:]]*) fail "$dir: blanks in the path are not supported" ;; esac
  # A socket's path has room for 107 bytes; dockerd's own containerd socket is the longest below DIR.
  [ ${#dir} -le 64 ] || fail "$dir: the path is too long for a socket (at most 64 bytes)"
  if is_running; then
    answers || fail "process $(cat "$dir/dockerd.pid") runs but does not answer; see $dir/dockerd.log"
  else
    rm -f "$dir/dockerd.pid" "$dir/docker.sock"
    driver=${GSC_ENGINE_DRIVER:-}
    [ -n "$driver" ] || { if overlay_works; then driver=overlay2; else driver=vfs; fi; }
    echo '{}' >"$dir/daemon.json"
    launch
    wait_for_answer
  fi
  echo "unix://$dir/docker.sock"
}

wait_for_answer() {
  tries=0
  until answers; do
    tries=$((tries + 1))
    if ! kill -0 "$launched" 2>/dev/null || [ "$tries" -gt 1200 ]; then
      tail -n 20 "$dir/dockerd.log" >&2
      fail "the Engine did not come up; the whole log is $dir/dockerd.log"
    fi
    sleep 0.1
  done
}

stop() {
  [ -d "$dir" ] || return 0
  dir=$(cd "$dir" && pwd)
  if is_running; then
    for container in $(docker_cli ps --quiet 2>/dev/null); do
      docker_cli kill "$container" >/dev/null 2>&1 || true
    done
  fi
  end_process dockerd "$dir/dockerd.pid"
  end_process containerd "$dir/exec/containerd/containerd.pid"
  unmount_below
  rm -rf "$dir/data" "$dir/exec" "$dir/probe" "$dir/docker.sock" "$dir/dockerd.pid" "$dir/daemon.json"
}

# Asks the process to end, and after 20 seconds insists.
end_process() {
  is_process "$1" "$2" || return 0
  pid=$(cat "$2")
  kill "$pid"
  tries=0
  while [ -d "/proc/$pid" ]; do
    tries=$((tries + 1))
    [ "$tries" -ne 200 ] || kill -9 "$pid" 2>/dev/null || true
    [ "$tries" -lt 220 ] || fail "process $pid ($1) does not end"
    sleep 0.1
  done
}

# Deepest first. /proc/mounts writes blanks in names as \040: start refuses a DIR with blanks.
unmount_below() {
  awk -v below="$dir/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | while read -r point; do
    umount "$point" 2>/dev/null || umount -l "$point"
  done
}

[ $# -eq 2 ] || usage
dir=$2
case $1 in
  start) start ;;
  stop) stop ;;
  *) usage ;;
esac

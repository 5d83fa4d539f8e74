#!/bin/sh
# Installs the Debian or Ubuntu packages that a part of the project works with: scripts/install-parts.sh [SET...]
#
#   demo        what the demonstration needs: a C compiler for the stand-in runtime
#   images      makers of test images and the tools that they are compared with
#   docker      a Docker Engine (scripts/engine.sh), a registry
#   podman      podman and skopeo's relatives
#   keys        a token in software, its oracle, tracers: for tests of signing
#   shells      the shells that gsc completes command lines in, and a checker of manual pages
#   browser     a browser that pages are looked at with
#   ci          what runs pipelines on this machine, and a checker of shell programs
#   kubernetes  kubectl, unless there is one
#   all         everything (the default)
#
# Only what is missing is installed; when nothing is, neither root nor a network is needed.
set -eu

demo='gcc libc6-dev'
images='gcc libc6-dev mmdebstrap busybox-static musl-tools umoci skopeo libarchive-tools binutils pigz zstd xz-utils bzip2 openssl
  rpm cpio git python3 python3-protobuf python3-toml procps libmbedtls-dev'
docker='docker.io containerd runc iptables skopeo docker-registry apache2-utils'
keys='softhsm2 opensc strace curl openssl g++ make'
podman='podman crun conmon uidmap skopeo catatonit'
shells='bash zsh fish bsdutils mandoc'
browser='chromium'
# It cannot stand beside kubectl from elsewhere.
kubernetes=$(command -v kubectl >/dev/null || echo kubernetes-client)
ci='git rsync shellcheck busybox-static'

fail() {
  echo "install-parts.sh: $*" >&2
  exit 1
}

packages_of() {
  case $1 in
    demo) echo "$demo" ;;
    images) echo "$images" ;;
    docker) echo "$docker" ;;
    podman) echo "$podman" ;;
    keys) echo "$keys" ;;
    shells) echo "$shells" ;;
    browser) echo "$browser" ;;
    ci) echo "$ci" ;;
    kubernetes) echo "$kubernetes" ;;
    all) echo "$demo $images $docker $podman $keys $shells $browser $ci $kubernetes" ;;
    *) fail "unknown set $1: expected demo, images, docker, podman, keys, shells, browser, ci, kubernetes or all" ;;
  esac
}

is_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_of() {
  for package in $(printf '%s\n' "$@" | sort -u); do
    is_installed "$package" || echo "$package"
  done
}

[ $# -gt 0 ] || set -- all
wanted=
for name in "$@"; do
  more=$(packages_of "$name") || exit 2
  wanted="$wanted $more"
done
command -v dpkg-query >/dev/null || fail "this is no Debian or Ubuntu; install the like of:$wanted"

# shellcheck disable=SC2086 # the lists are words
missing=$(missing_of $wanted)
if [ -z "$missing" ]; then
  echo 'install-parts.sh: everything is there'
  exit 0
fi
# shellcheck disable=SC2086,SC2116
missing=$(echo $missing)
[ "$(id -u)" = 0 ] || fail "run it as root, or install: $missing"

# Engines are started by hand: packages must not start them (policy-rc.d: 101 means forbidden).
forbid_starting() {
  [ ! -e /usr/sbin/policy-rc.d ] || return 0
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
}

forbid_starting
export DEBIAN_FRONTEND=noninteractive
echo "install-parts.sh: installing $missing"
apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq install --yes --no-install-recommends $missing

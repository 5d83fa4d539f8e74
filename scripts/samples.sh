#!/bin/sh
# Makes the samples, graminizes and signs them, runs them in direct mode and compares what they print.
#
#   scripts/samples.sh [--runtime REF | --graphene RELEASE] [--key FILE] [NAME...]
#
# Each folder samples/NAME has a Dockerfile, perhaps a make.sh that compiles what it copies, a manifest, perhaps options
# of gsc build (both have others for Graphene where its releases lack keys), and the expected output; a server has a request too, which is made inside its container, and perhaps the
# exit code with which it ends when it is stopped. The Debian samples share a root that mmdebstrap makes once.
#
# --runtime REF   a real Gramine: an image or a directory; by default the stand-in is built, which protects nothing
# --graphene RELEASE  the stand-in of this release of Graphene: f51aafddf, 1.1 or 1.2-rc1; by default without the samples that
#                 have no shell, as those start in SGX only
# --key FILE      the key that signs; by default a new one
# DOCKER_HOST     the Docker Engine to use; by default one is started in a temporary directory (needs root)
# DOCKER          its client; default: docker, for an Engine of the script's own /usr/bin/docker
# GSC             the command, as the shell reads it; default: node dist/gsc.js
# GSC_SAMPLES     where roots are kept between runs; default: out/samples
set -eu
cd "$(dirname "$0")/.."

fail() {
  echo "samples.sh: $*" >&2
  exit 1
}

runtime=
graphene=
key=
while [ $# -gt 0 ]; do
  case $1 in
    --runtime) [ $# -ge 2 ] || fail '--runtime needs a value'; runtime=$2; shift 2 ;;
    --graphene) [ $# -ge 2 ] || fail '--graphene needs a value'; graphene=$2; shift 2 ;;
    --key) [ $# -ge 2 ] || fail '--key needs a value'; key=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) fail "unknown option $1" ;;
    *) break ;;
  esac
done
if [ $# -eq 0 ]; then
  for dockerfile in samples/*/Dockerfile; do
    name=$(basename "$(dirname "$dockerfile")")
    [ "$name" = static ] && [ -n "$graphene" ] || set -- "$@" "$name"
  done
fi
for name in "$@"; do [ -f "samples/$name/Dockerfile" ] || fail "there is no sample $name"; done

roots=${GSC_SAMPLES:-out/samples}
gsc=${GSC:-node dist/gsc.js}
work=$(mktemp -d)
engine=
container=
finish() {
  [ -z "$container" ] || docker rm -f "$container" >/dev/null 2>&1 || true
  [ -z "$engine" ] || scripts/engine.sh stop "$engine" || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A newer client need not speak the API of Debian's Engine.
client=${DOCKER:-docker}
if [ -z "${DOCKER_HOST:-}" ]; then
  engine=$work/engine
  DOCKER_HOST=$(scripts/engine.sh start "$engine")
  client=${DOCKER:-/usr/bin/docker}
fi
export DOCKER_HOST

docker() { "$client" "$@"; }
gsc() { eval "$gsc \"\$@\""; }
step() { printf '\n== %s\n' "$*"; }

# The Debian root is under the name of its recipe's hash, whole or not at all.
debian_root() {
  hash=$(cat samples/debian/root.sh samples/java/Hello.java | sha256sum | cut -c 1-12)
  root=$roots/debian-$hash.tar
  if [ ! -f "$root" ]; then
    mkdir -p "$roots"
    samples/debian/root.sh "$roots/debian.$$.tmp.tar" >&2 || { rm -f "$roots/debian.$$.tmp.tar"; return 1; }
    rm -f "$roots"/debian-*.tar
    mv "$roots/debian.$$.tmp.tar" "$root"
  fi
  echo "$root"
}

base_image() {
  docker image inspect sample-debian >/dev/null 2>&1 && return
  step 'the Debian root'
  root=$(debian_root)
  docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    "$root" sample-debian >/dev/null
}

app_image() {
  context=$work/$1
  mkdir "$context"
  cp -R "samples/$1/." "$context"
  [ ! -x "samples/$1/make.sh" ] || "samples/$1/make.sh" "$context"
  docker build --quiet --tag "sample-$1" "$context" >/dev/null
}

# sample_file NAME manifest|options: that of Graphene where the sample has one, as its releases lack keys.
sample_file() {
  own=samples/$1/graphene.$2
  if [ -n "$graphene" ] && [ -f "$own" ]; then
    echo "$own"
  elif [ "$2" = manifest ]; then
    echo "samples/$1/$1.manifest"
  else
    echo "samples/$1/$2"
  fi
}

graminize() {
  options=$(sample_file "$1" options) manifest=$(sample_file "$1" manifest)
  set -- "$1" --runtime "$runtime"
  # shellcheck disable=SC2046 # options are words
  [ ! -f "$options" ] || set -- "$@" $(cat "$options")
  name=$1
  shift
  # In one go: in two, the Engine would export the whole image twice.
  gsc build --quiet --force --key "$key" "$@" "sample-$name" "$manifest"
}

# direct_options IMAGE: what starts it in direct mode. Without a shell there is no apploader to ask for that.
direct_options() {
  [ -z "$graphene" ] || { echo "-e GSC_PAL=Linux $1"; return; }
  case $(docker image inspect --format '{{json .Config.Entrypoint}}' "$1") in
    *apploader.sh*) echo "-e GRAMINE_MODE=direct $1" ;;
    *) echo "--entrypoint /gramine/runtime/direct/loader $1 /gramine/runtime/direct/libpal.so init /gramine/app_files/entrypoint" ;;
  esac
}

# compare NAME WHERE FILE
compare() {
  if diff -u "samples/$1/expected-output" "$3"; then
    echo "$1: $2, as expected"
  else
    echo "$1: $2, OTHERWISE THAN EXPECTED" >&2
    failed="$failed $1"
  fi
}

# run_program NAME WHERE OPTION...: the container's output is compared.
run_program() {
  name=$1 where=$2
  shift 2
  docker run --rm --network=none "$@" >"$work/output" || echo "ended with code $?" >>"$work/output"
  compare "$name" "$where" "$work/output"
}

# run_server NAME WHERE OPTION...: the request is made in its container until it is answered as expected.
run_server() {
  name=$1 where=$2
  shift 2
  container=$(docker run --detach --network=none "$@")
  tries=0
  until docker exec "$container" sh -c "$(cat "samples/$name/request")" >"$work/output" 2>"$work/trouble" &&
    cmp -s "samples/$name/expected-output" "$work/output"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ] || [ -z "$(docker ps --quiet --filter "id=$container")" ]; then
      cat "$work/trouble" >&2
      docker logs "$container" >&2
      break
    fi
    sleep 0.5
  done
  [ ! -f "samples/$name/stop" ] || stop_server >>"$work/output"
  docker rm -f "$container" >/dev/null
  container=
  compare "$name" "$where" "$work/output"
}

# A server that is killed, because the signal does not reach it, ends with 137.
stop_server() {
  docker stop --time 60 "$container" >/dev/null
  code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
  [ "$code" = "$(cat "samples/$name/stop")" ] || echo "stopped: ended with code $code"
}

sample() {
  step "$1"
  ! grep -q '^FROM sample-debian' "samples/$1/Dockerfile" || base_image
  app_image "$1"
  graminize "$1"
  how=run_program
  [ ! -f "samples/$1/request" ] || how=run_server
  $how "$1" 'outside' "sample-$1"
  # The stand-in looks at all trusted files before it starts the program; a real Gramine does not know the variable.
  # shellcheck disable=SC2046 # options are words
  $how "$1" 'in direct mode' --security-opt seccomp=unconfined -e GSC_STANDIN_VERIFY=all \
    $(direct_options "gsc-sample-$1") 2>"$work/messages" || true
  [ -z "$failed" ] || cat "$work/messages" >&2
}

[ "$gsc" != 'node dist/gsc.js' ] || [ -f dist/gsc.js ] || npm run --silent build
if [ -z "$runtime" ]; then
  runtime=$work/runtime-standin
  if [ -n "$graphene" ]; then
    runtime-standin/build-graphene.sh "$runtime" "$graphene"
  else
    runtime-standin/build.sh "$runtime"
  fi
  echo 'the STAND-IN runtime: it starts programs, but protects nothing'
fi
if [ -z "$key" ]; then
  key=$work/key.pem
  gsc gen-private-key --quiet "$key" >/dev/null
fi
failed=
for name in "$@"; do sample "$name"; done
[ -z "$failed" ] || fail "these samples do not do what they should:$failed"
step "all as expected: $*"

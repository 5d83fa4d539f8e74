#!/bin/sh
# The main job on a real image: graminizes and signs an image of this machine's own Node with a small web server, without
# a container engine, and shows what info-image says. Everything is left in out/demo.
#
# GSC_DEMO_RUNTIME names a real Gramine (an image reference or a directory); without it the stand-in runtime is built.
set -eu
cd "$(dirname "$0")/.."
demo=out/demo
gsc() { node dist/gsc.js "$@"; }
step() { printf '\n== %s\n' "$*"; }

step 'set up'
[ -n "${GSC_DEMO_RUNTIME:-}" ] || scripts/install-parts.sh demo
[ -d node_modules/esbuild ] || npm ci --no-fund --no-audit
npm run --silent build
rm -rf "$demo"
mkdir -p "$demo"

step 'runtime'
if [ -n "${GSC_DEMO_RUNTIME:-}" ]; then
  runtime=$GSC_DEMO_RUNTIME
  echo "Gramine from $runtime"
else
  runtime=$demo/runtime-standin
  runtime-standin/build.sh "$runtime"
  echo "the STAND-IN runtime in $runtime: it starts programs, but protects nothing"
fi

step 'application image: Node and a web server, as an OCI layout'
reference=$(node scripts/make-images.mjs --to "$demo/images" node)
layout=${reference#oci:}
ln -s "${layout%:latest}" "$demo/node"
app=oci:$demo/node:latest
echo "$app"

step 'gsc gen-private-key'
gsc gen-private-key "$demo/key.pem"

step 'gsc build'
gsc build --runtime "$runtime" "$app" samples/node/node.manifest

step 'gsc sign-image'
gsc sign-image "$app" "$demo/key.pem"
gsc sign-image --quiet -o "docker-archive:$demo/gsc-node.tar:gsc-node:latest" "$app" "$demo/key.pem" >"$demo/archive-name"

step 'gsc info-image'
gsc info-image "oci:$demo/gsc-node:latest"

step 'done'
echo "OCI layout:   $demo/gsc-node (tag latest)"
echo "for Docker:   docker load -i $demo/gsc-node.tar"
echo "then:         docker run --rm -p 8080:8080 -e GRAMINE_MODE=direct --security-opt seccomp=unconfined gsc-node"

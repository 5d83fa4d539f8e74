# The shell part of all integrations (scripts/integrations.mjs puts it into them): `gsc build` with the options that are in the variables
# INPUT_…, one line for each value. It sets image_url, image_digest and mrenclave, which is empty for an image that is not signed.
set -eu
# Nobody else may enter it.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

value_of() {
  eval "printf '%s' \"\${INPUT_$(printf %s "$1" | tr a-z- A-Z_):-}\""
}

set -- build --json
for name in @VALUES@; do
  value=$(value_of "$name")
  while IFS= read -r line; do
    [ -z "$line" ] || set -- "$@" "--$name=$line"
  done <<LINES
$value
LINES
done
for name in @FLAGS@; do
  case $(value_of "$name") in
    true) set -- "$@" "--$name" ;;
    false | '') ;;
    *)
      echo "$name: expected true or false" >&2
      exit 2
      ;;
  esac
done

# A secret is in a file or in the environment, never in an argument.
if [ -n "${INPUT_KEY_PEM:-}" ]; then
  printf '%s\n' "$INPUT_KEY_PEM" >"$work/key.pem"
  unset INPUT_KEY_PEM
  set -- "$@" "--key=$work/key.pem"
fi
if [ -n "${INPUT_PASSPHRASE:-}" ]; then
  export INPUT_PASSPHRASE
  set -- "$@" --passphrase-env=INPUT_PASSPHRASE
fi

set -- "$@" -- "${INPUT_IMAGE:?the input image is missing}"
while IFS= read -r line; do
  [ -z "$line" ] || set -- "$@" "$line"
done <<LINES
${INPUT_MANIFESTS:-}
LINES

gsc "$@" >"$work/result.json"

# Its first field of that name: those of other enclaves come later.
tr ',' '\n' <"$work/result.json" >"$work/fields"
field() {
  sed -n "/^{*\"$1\":\"/{s/^{*\"$1\":\"\([^\"]*\)\".*/\1/p;q;}" "$work/fields"
}
image_url=$(field image)
image_url=${image_url#docker://}
image_digest=$(field digest)
mrenclave=$(field mr_enclave)

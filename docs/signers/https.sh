#!/bin/sh
# Passes what gsc asks for to a signing service over https, and its answer back: exec:docs/signers/https.sh URL CERTIFICATE KEY [CA]
# The service knows gsc by the client certificate. It takes and gives the JSON of docs/external-signers.md; one that speaks another
# language is translated to here.
set -eu

[ $# -ge 3 ] || {
  echo 'usage: https.sh URL CERTIFICATE KEY [CA]' >&2
  exit 2
}
exec curl --silent --show-error --fail-with-body --proto =https --max-time 100 \
  --cert "$2" --key "$3" ${4:+--cacert "$4"} \
  --header 'Content-Type: application/json' --data-binary @- "$1"

#!/bin/sh
# Signs what gsc asks for with a key file, by openssl: exec:docs/signers/openssl.sh KEY.pem [OPENSSL OPTION...]
# Options such as "-passin file:FILE" or "-engine pkcs11 -keyform engine" go to openssl.
set -eu

key=$1
shift
message=$(mktemp)
trap 'rm -f "$message"' EXIT
# The request is one line of JSON, and base64 has no character that JSON would escape.
sed -n 's/.*"message":"\([^"]*\)".*/\1/p' | openssl base64 -d -A >"$message"
signature=$(openssl dgst -sha256 -sign "$key" "$@" "$message" | openssl base64 -A)
# RSAPublicKey in DER (RFC 8017, A.1.1): nine bytes, then the 384 of the modulus.
modulus=$(openssl rsa -in "$key" "$@" -RSAPublicKey_out -outform DER 2>/dev/null | tail -c +10 | head -c 384 | openssl base64 -A)
printf '{"signature":"%s","modulus":"%s"}\n' "$signature" "$modulus"

#!/usr/bin/env python3
# A stand-in for Graphene's token tool: makes the token that the real one makes with the DCAP driver, from the SIGSTRUCT alone.
import argparse
import hashlib
import struct
import sys

try:
    import aesm_pb2
    import generated_offsets as offsets
except ImportError:
    from graphenelibos import _aesm_pb2 as aesm_pb2
    from graphenelibos import _offsets as offsets

TOKEN_BYTES = 304

parser = argparse.ArgumentParser()
parser.add_argument('-sig', '--sig', required=True)
parser.add_argument('-output', '--output', required=True)
arguments = parser.parse_args()
with open(arguments.sig, 'rb') as file:
    sigstruct = file.read()
if len(sigstruct) != offsets.SIGSTRUCT_BYTES:
    sys.exit('%s: expected %d bytes, got %d' % (arguments.sig, offsets.SIGSTRUCT_BYTES, len(sigstruct)))
token = bytearray(TOKEN_BYTES)
token[48:56] = sigstruct[offsets.FLAGS:offsets.FLAGS + 8]
token[56:64] = sigstruct[offsets.XFRM:offsets.XFRM + 8]
token[236:240] = sigstruct[offsets.MISC_MASK:offsets.MISC_MASK + 4]
with open(arguments.output, 'wb') as file:
    file.write(token)
print('gramine (STAND-IN): token %s for %s by protobuf %s' % (
    arguments.output, hashlib.sha256(sigstruct).hexdigest()[:16], aesm_pb2.NAME.name), file=sys.stderr)

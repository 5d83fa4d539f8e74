import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';

/** Answers a request, both without their framing; undefined if there is no such thing. */
export type UnaryMethod = (request: Uint8Array) => Promise<Uint8Array | undefined>;

/** gRPC status codes. grpc, doc/statuscodes.md. */
const status = { ok: 0, notFound: 5, unimplemented: 12, internal: 13 } as const;

/** A message is preceded by a flag for compression and its length. grpc, doc/PROTOCOL-HTTP2.md. */
const prefixBytes = 5;
const maximalRequestBytes = 1024 * 1024;

/**
 * Serves gRPC methods of one question and one answer on a connection that the other side uses as an HTTP/2 client.
 * Methods are named as in `/package.Service/Method`.
 */
export function serveUnary(connection: Duplex, methods: ReadonlyMap<string, UnaryMethod>): Http2Server {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    // The other side may go while it is answered.
    stream.on('error', () => {});
    const method = methods.get(String(headers[':path']));
    if (method === undefined) finish(stream, status.unimplemented);
    else
      answer(stream, method).catch((error: unknown) => {
        finish(stream, status.internal, error instanceof Error ? error.message : String(error));
      });
  });
  server.on('sessionError', () => {});
  server.emit('connection', connection);
  return server;
}

async function answer(stream: ServerHttp2Stream, method: UnaryMethod): Promise<void> {
  const reply = await method(await readRequest(stream));
  if (reply === undefined) return finish(stream, status.notFound, 'there is no such thing');
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(reply.length, 1);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(status.ok) }));
  stream.end(Buffer.concat([prefix, reply]));
}

async function readRequest(stream: ServerHttp2Stream): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    // Read to its end all the same: to stop in the middle would end the stream without an answer.
    if (sizeBytes <= maximalRequestBytes) pieces.push(piece);
  }
  if (sizeBytes > maximalRequestBytes) throw new RangeError('the request is too long');
  return Buffer.concat(pieces).subarray(prefixBytes);
}

/** An answer without a message: all its headers are trailers. */
function finish(stream: ServerHttp2Stream, code: number, message = ''): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(code),
      'grpc-message': encodeURIComponent(message),
    },
    { endStream: true },
  );
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { digestOf, isDigest } from '../../../../src/base/digest.ts';
import { mediaTypes } from '../../../../src/image/media-type.ts';
import { checkAccess, serveToken } from './double-login.ts';
import type { Fault, LoggedRequest, RegistryDouble } from './registry-double.ts';

/** What arrived of a blob. */
export class Upload {
  readonly pieces: Buffer[] = [];
  sizeBytes = 0;

  add(piece: Buffer): void {
    this.pieces.push(piece);
    this.sizeBytes += piece.length;
  }
}

/** One request to the double and its answer. */
export class Exchange {
  readonly #double: RegistryDouble;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #entry: LoggedRequest;
  readonly #fault: Fault | undefined;
  readonly #url: URL;

  constructor(
    double: RegistryDouble,
    request: IncomingMessage,
    response: ServerResponse,
    entry: LoggedRequest,
    fault: Fault | undefined,
  ) {
    this.#double = double;
    this.#request = request;
    this.#response = response;
    this.#entry = entry;
    this.#fault = fault;
    this.#url = new URL(request.url ?? '/', double.origin);
  }

  async run(): Promise<void> {
    const fault = this.#fault;
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'reset') {
      this.#response.destroy();
      return;
    }
    if (fault?.kind === 'answer') {
      await this.#readBody();
      this.#send(fault.status, fault.headers ?? {}, Buffer.from(fault.body ?? ''));
      return;
    }
    if (this.#url.pathname === '/token') return this.#token();
    const challenge = checkAccess(this.#double, this.#request, this.#url);
    if (challenge) {
      this.#request.resume();
      this.refuse(challenge.status, challenge.code, 'authentication required', challenge.headers);
      return;
    }
    await this.#route();
  }

  refuse(status: number, code: string, message: string, headers: Record<string, string> = {}): void {
    const body = JSON.stringify({ errors: [{ code, message, detail: null }] });
    this.#send(status, { 'content-type': 'application/json', ...headers }, Buffer.from(body));
  }

  async #token(): Promise<void> {
    const answer = serveToken(this.#double, this.#request, this.#url, (await this.#readBody()).toString());
    this.#send(
      answer.status,
      { 'content-type': 'application/json' },
      Buffer.from(JSON.stringify(answer.body)),
    );
  }

  async #route(): Promise<void> {
    const { pathname } = this.#url;
    if (pathname === '/v2/') return this.#send(200, {}, Buffer.from('{}'));
    const blob = /^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]{64})$/.exec(pathname);
    if (blob) return this.#blob(blob[1] ?? '', blob[2] ?? '');
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(pathname);
    if (upload) return this.#upload(upload[1] ?? '', upload[2] ?? '');
    const manifest = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(pathname);
    if (manifest) return this.#manifest(manifest[1] ?? '', manifest[2] ?? '');
    const referrers = /^\/v2\/(.+)\/referrers\/(sha256:[0-9a-f]{64})$/.exec(pathname);
    if (referrers && this.#double.options.referrersPage !== undefined) {
      return this.#referrers(referrers[1] ?? '', referrers[2] ?? '', this.#double.options.referrersPage);
    }
    this.refuse(404, 'UNSUPPORTED', 'no such endpoint');
  }

  async #blob(path: string, digest: string): Promise<void> {
    const { options } = this.#double;
    const bytes = this.#double.repositories.get(path)?.blobs.get(digest);
    if (this.#request.method === 'HEAD' && options.hasHead === false)
      return this.#send(405, {}, Buffer.alloc(0));
    if (bytes === undefined) return this.refuse(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    if (this.#request.method === 'GET' && options.blobOrigin) {
      const location = `${options.blobOrigin()}${this.#url.pathname}?signature=secret`;
      return this.#send(307, { location }, Buffer.alloc(0));
    }
    const start = Number(/^bytes=(\d+)-$/.exec(this.#request.headers.range ?? '')?.[1] ?? Number.NaN);
    if (Number.isNaN(start) || options.hasRange === false) {
      return this.#send(200, { 'docker-content-digest': digest }, bytes);
    }
    const shown = options.contentRangeStart ?? start;
    const headers = { 'content-range': `bytes ${shown}-${bytes.length - 1}/${bytes.length}` };
    this.#send(206, headers, bytes.subarray(start));
  }

  async #upload(path: string, id: string): Promise<void> {
    const { uploads, options } = this.#double;
    const { method } = this.#request;
    if (method === 'POST' && id === '') return this.#startUpload(path);
    if (this.#fault?.kind === 'forget-upload') uploads.delete(id);
    const upload = uploads.get(id);
    if (upload === undefined) {
      await this.#readBody();
      return this.refuse(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    }
    if (method === 'DELETE') {
      uploads.delete(id);
      return this.#send(204, {}, Buffer.alloc(0));
    }
    if (method === 'GET')
      return this.#send(204, this.#uploadHeaders(path, id, upload.sizeBytes), Buffer.alloc(0));
    if (
      Number(this.#request.headers['content-length'] ?? 0) > (options.bodyLimit ?? Number.POSITIVE_INFINITY)
    ) {
      await this.#readBody();
      return this.#send(413, {}, Buffer.from('<html>too large</html>'));
    }
    const range = /^(\d+)-(\d+)$/.exec(this.#request.headers['content-range'] ?? '');
    if (range && Number(range[1]) !== upload.sizeBytes) {
      await this.#readBody();
      return this.#send(416, this.#uploadHeaders(path, id, upload.sizeBytes), Buffer.alloc(0));
    }
    if (this.#fault?.kind === 'hold-upload') await this.#fault.until;
    await this.#readBody((piece) => upload.add(piece));
    if (this.#response.destroyed) return;
    if (method === 'PATCH')
      return this.#send(202, this.#uploadHeaders(path, id, upload.sizeBytes), Buffer.alloc(0));
    await this.#finishUpload(path, id, Buffer.concat(upload.pieces));
  }

  async #startUpload(path: string): Promise<void> {
    const { searchParams } = this.#url;
    const mount = searchParams.get('mount');
    const source = this.#double.repositories.get(searchParams.get('from') ?? '')?.blobs.get(mount ?? '');
    if (mount !== null && source && this.#double.options.hasMount !== false) {
      this.#double.addBlob(path, source);
      return this.#send(201, { location: `/v2/${path}/blobs/${mount}` }, Buffer.alloc(0));
    }
    const id = randomUUID();
    this.#double.uploads.set(id, new Upload());
    this.#send(202, this.#uploadHeaders(path, id, 0), Buffer.alloc(0));
  }

  async #finishUpload(path: string, id: string, bytes: Buffer): Promise<void> {
    this.#double.uploads.delete(id);
    const digest = this.#url.searchParams.get('digest') ?? '';
    if (digestOf(bytes) !== digest) return this.refuse(400, 'DIGEST_INVALID', 'digest did not match content');
    this.#double.addBlob(path, bytes);
    this.#send(201, { location: `/v2/${path}/blobs/${digest}` }, Buffer.alloc(0));
  }

  #uploadHeaders(path: string, id: string, sizeBytes: number): Record<string, string> {
    return {
      location: `/v2/${path}/blobs/uploads/${id}?_state=a%2Fb`,
      range: `0-${Math.max(0, sizeBytes - 1)}`,
    };
  }

  async #manifest(path: string, reference: string): Promise<void> {
    const repository = this.#double.repository(path);
    if (this.#request.method === 'PUT') {
      const bytes = await this.#readBody();
      const missing = blobsOf(bytes).find((digest) => !repository.blobs.has(digest));
      if (missing) return this.refuse(404, 'MANIFEST_BLOB_UNKNOWN', `blob unknown to registry: ${missing}`);
      this.#double.addManifest(path, reference, this.#request.headers['content-type'] ?? '', bytes);
      return this.#send(201, { 'docker-content-digest': digestOf(bytes) }, Buffer.alloc(0));
    }
    const found = repository.manifests.get(reference);
    if (found === undefined) return this.refuse(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    this.#send(
      200,
      { 'content-type': found.type, 'docker-content-digest': digestOf(found.bytes) },
      found.bytes,
    );
  }

  #referrers(path: string, digest: string, page: number): void {
    const found = [...this.#double.repository(path).manifests].flatMap(([reference, { type, bytes }]) => {
      const { subject, artifactType, annotations } = JSON.parse(bytes.toString());
      if (!isDigest(reference) || subject?.digest !== digest) return [];
      return [{ mediaType: type, digest: reference, size: bytes.length, artifactType, annotations }];
    });
    const from = Number(this.#url.searchParams.get('from') ?? 0);
    const index = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: found.slice(from, from + page),
    };
    const isLast = from + page >= found.length;
    const link = { link: `</v2/${path}/referrers/${digest}?from=${from + page}>; rel="next"` };
    const headers = { 'content-type': mediaTypes.ociIndex, ...(isLast ? {} : link) };
    this.#send(200, headers, Buffer.from(JSON.stringify(index)));
  }

  async #readBody(keep?: (piece: Buffer) => void): Promise<Buffer> {
    const pieces: Buffer[] = [];
    const limit = this.#fault?.kind === 'cut-upload' ? this.#fault.bytes : Number.POSITIVE_INFINITY;
    for await (const piece of this.#request as AsyncIterable<Buffer>) {
      const kept = piece.subarray(0, Math.max(0, limit - this.#entry.bodyBytes));
      this.#entry.bodyBytes += kept.length;
      pieces.push(kept);
      keep?.(kept);
      if (this.#entry.bodyBytes >= limit) {
        this.#response.destroy();
        break;
      }
    }
    return Buffer.concat(pieces);
  }

  #send(status: number, headers: Record<string, string>, whole: Buffer): void {
    const fault = this.#fault;
    const bytes = fault?.kind === 'flip' ? flipLastBit(whole) : whole;
    if (fault?.kind === 'cut-answer') {
      this.#response.destroy();
      return;
    }
    if (fault?.kind === 'cut-end') {
      this.#entry.sentBytes = bytes.length;
      this.#response.writeHead(status, headers);
      this.#response.write(bytes, () => setTimeout(() => this.#response.destroy(), 20));
      return;
    }
    this.#response.writeHead(status, { 'content-length': String(bytes.length), ...headers });
    if (this.#request.method === 'HEAD') {
      this.#response.end();
      return;
    }
    if (fault?.kind === 'cut-download' || fault?.kind === 'stall-download') {
      const part = bytes.subarray(0, fault.bytes);
      this.#entry.sentBytes = part.length;
      this.#response.write(part, () => {
        if (fault.kind === 'cut-download') setTimeout(() => this.#response.destroy(), 20);
      });
      return;
    }
    this.#entry.sentBytes = bytes.length;
    this.#response.end(bytes);
  }
}

function blobsOf(manifest: Buffer): readonly string[] {
  const { config, layers = [] } = JSON.parse(manifest.toString()) as {
    config?: { digest: string };
    layers?: readonly { digest: string }[];
  };
  return [config, ...layers].flatMap((entry) => (entry && isDigest(entry.digest) ? [entry.digest] : []));
}

function flipLastBit(bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  const last = flipped.length - 1;
  if (last >= 0) flipped[last] = (flipped[last] ?? 0) ^ 1;
  return flipped;
}

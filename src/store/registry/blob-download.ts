import { GscError } from '../../base/error.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { ByteStream } from '../../image/image.ts';
import { verifiedStream } from '../../image/verified-stream.ts';
import {
  type RegistryRequest,
  type RegistrySession,
  type Repository,
  showRepository,
} from './registry-session.ts';
import { Attempts, isTransient } from './retry.ts';
import { discardBody, type HttpResponse, headerOf } from './transport.ts';

/** So much between two breaks is progress: breaks before it no longer count. */
const progressBytes = 8 * 1024 * 1024;

/**
 * A blob's bytes, verified. A download that breaks goes on where it broke (with Range, or by reading the first part
 * again from a registry that knows no ranges). Throws `not-found`, `registry` or `blob`.
 */
export function downloadBlob(
  session: RegistrySession,
  repository: Repository,
  descriptor: Descriptor,
): ByteStream {
  return verifiedStream(receive(session, repository, descriptor), descriptor, showRepository(repository));
}

async function* receive(
  session: RegistrySession,
  repository: Repository,
  descriptor: Descriptor,
): ByteStream {
  const attempts = new Attempts(session.settings);
  let offset = 0;
  let lastBreak = 0;
  for (;;) {
    const ask = readingOf(repository, descriptor, offset);
    try {
      for await (const piece of bytesFrom(await session.send(ask, [200, 206]), offset, ask)) {
        offset += piece.length;
        yield piece;
      }
      if (offset >= descriptor.sizeBytes) return;
    } catch (error) {
      if (!isTransient(error)) throw session.failure(ask, error);
      // What broke is only the end of the transfer; there is nothing left to ask for.
      if (offset >= descriptor.sizeBytes) return;
      if (offset - lastBreak >= progressBytes) attempts.reset();
      if (!(await attempts.another())) throw session.failure(ask, error);
      lastBreak = offset;
      continue;
    }
    // A clean end before the end: an honest registry does not do that, a proxy may.
    if (!(await attempts.another())) return;
  }
}

function readingOf(repository: Repository, { digest }: Descriptor, offset: number): RegistryRequest {
  return {
    repository,
    purpose: `read blob ${digest}`,
    method: 'GET',
    target: `blobs/${digest}`,
    actions: ['pull'],
    ...(offset > 0 && { headers: { range: `bytes=${offset}-` } }),
  };
}

/** The bytes from `offset` on, whether the registry sent only these or the whole blob. */
async function* bytesFrom(response: HttpResponse, offset: number, ask: RegistryRequest): ByteStream {
  let skip = response.status === 206 ? await checkRange(response, offset, ask) : offset;
  for await (const piece of response.body as AsyncIterable<Buffer>) {
    if (skip < piece.length) yield piece.subarray(skip);
    skip = Math.max(0, skip - piece.length);
  }
}

/** RFC 9110, 14.4. Gives how many bytes to skip: none. */
async function checkRange(response: HttpResponse, offset: number, ask: RegistryRequest): Promise<0> {
  const range = headerOf(response, 'content-range') ?? '';
  if (Number(/^bytes (\d+)-/.exec(range)?.[1]) === offset) return 0;
  await discardBody(response);
  throw new GscError({
    code: 'registry',
    subject: showRepository(ask.repository),
    message: `cannot ${ask.purpose}: expected the bytes from ${offset} on, got the range ${JSON.stringify(range)}`,
    hint: 'the registry, or a proxy in front of it, mishandles ranges; try again',
    isPassing: true,
  });
}

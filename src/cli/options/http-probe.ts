import { GscError } from '../../base/error.ts';
import type { Probe } from '../../trace/probe.ts';

/** Reads `--http URL`: the host `localhost` is the container. Throws a `usage` error for what is not such a URL. */
export function parseHttpProbe(text: string): Probe {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return { kind: 'http', url };
  throw new GscError({
    code: 'usage',
    subject: '--http',
    message: `expected a URL, got ${JSON.stringify(text)}`,
    hint: 'write it as in --http http://localhost:8080/; localhost is the container',
  });
}

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';

/** Files by HTTP on loopback. */
export interface LoopbackServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Paths that were asked for and given. */
  readonly served: () => readonly string[];
  readonly close: () => void;
}

/** Serves the files below directories, each under its name; with a login (`NAME:PASSWORD`), to those only who have it. */
export async function serveFiles(
  directories: Readonly<Record<string, string>>,
  login?: string,
): Promise<LoopbackServer> {
  const wanted = login && `Basic ${Buffer.from(login).toString('base64')}`;
  const served: string[] = [];
  const server = createServer(async (request, response) => {
    if (wanted !== undefined && request.headers.authorization !== wanted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return;
    }
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname));
    const [, first = '', ...rest] = path.split('/');
    const directory = directories[first];
    const file = directory === undefined ? undefined : join(directory, ...rest);
    const facts = file === undefined ? undefined : await stat(file).catch(() => undefined);
    if (file === undefined || !facts?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    served.push(path);
    const type = file.endsWith('.html') ? 'text/html' : 'application/octet-stream';
    response.writeHead(200, { 'content-length': facts.size, 'content-type': type });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    served: () => served,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

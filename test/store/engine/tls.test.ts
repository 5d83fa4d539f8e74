import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { connectEngine } from '../../../src/store/engine/engine.ts';
import type { EngineTls } from '../../../src/store/engine/engine-address.ts';
import { run } from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';
import { testWithTool } from '../../support/tool.ts';

const scratch = scratchDirectory();

/** An Engine that speaks TLS and answers nothing but a ping, and asks for a client's certificate. */
async function tlsEngine() {
  const pem = (name: string) => join(scratch, `${name}.pem`);
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  run('openssl', 'req', ...made, ...names, '-keyout', pem('key'), '-out', pem('cert'));
  const [key, cert] = [readFileSync(pem('key')), readFileSync(pem('cert'))];
  const options = { key, cert, ca: cert, requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (_, response) => response.setHeader('Api-Version', '1.45').end('OK'));
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  const connect = async (tls?: EngineTls) => {
    const address = { kind: 'tcp' as const, host, origin: 'DOCKER_HOST', ...(tls && { tls }) };
    const engine = await connectEngine(address);
    onTestFinished(() => engine.close());
    return engine;
  };
  return { key, cert, connect };
}

testWithTool('openssl', 'an Engine behind TLS takes the keys of DOCKER_CERT_PATH', async () => {
  const { key, cert, connect } = await tlsEngine();
  expect((await connect({ ca: cert, cert, key, isVerified: true })).apiVersion).toBe('1.45');
  expect((await connect({ cert, key, isVerified: false })).apiVersion).toBe('1.45');
});

testWithTool('openssl', 'an Engine behind TLS is refused with the reason', async () => {
  const { key, cert, connect } = await tlsEngine();
  const failing = { code: 'engine', hint: expect.stringContaining('DOCKER_CERT_PATH') };
  await expect(connect({ cert, key, isVerified: true })).rejects.toMatchObject(failing);
  await expect(connect({ ca: cert, isVerified: true })).rejects.toMatchObject(failing);
  await expect(connect()).rejects.toMatchObject(failing);
});

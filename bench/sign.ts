/**
 * How long signing one unsigned image by several keys takes: measuring for each key (`--no-cache`), and with the first measurement
 * kept. "ratio" is that of the second key with and without the cache; the reference is a signature by OpenSSL
 * alone (node:crypto), in the same run. Needs a C compiler for the stand-in runtime.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { graminize, openImages, openRuntime, signImage } from '../src/index.ts';
import { generatePrivateKey, parseManifest, pemSigner } from '../src/tools.ts';
import { makeImage } from '../test/support/images/make-image.ts';
import { standinRuntime } from '../test/support/images/standin-runtime.ts';

const directory = 'out/bench/sign';
const sizes = ['256M', '4G', '64G'];
const rounds = 3;

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const { root } = await standinRuntime();
const { layout } = await makeImage('scratch');
const pems = await Promise.all(['first', 'second'].map(() => generatePrivateKey()));
const signers = pems.map((pem, index) => pemSigner(Buffer.from(pem), { subject: `key ${index}` }));

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

const reference = await secondsOf(async () =>
  sign('sha256', Buffer.alloc(256), createPrivateKey(pems[0] ?? '')),
);
console.log(`reference: a signature by node:crypto takes ${(reference * 1000).toFixed(1)} ms`);
console.log('enclave   first key s  second key s   ratio   without the cache s   peak MB');
for (const size of sizes) {
  const host = { environment: { ...process.env, XDG_CACHE_HOME: resolve(directory, `cache-${size}`) } };
  const images = openImages({ host });
  try {
    const runtime = await openRuntime(images, { sources: [root] });
    const { image } = await images.open(`oci:${layout}:latest`);
    const manifest = parseManifest(`sgx.enclave_size = "${size}"`, 'bench');
    const { image: unsigned } = await graminize(image, runtime, { manifest });
    const { measurements } = images;
    const by = (index: number, kept: boolean) =>
      secondsOf(() =>
        signImage(unsigned, {
          signer: signers[index] as (typeof signers)[0],
          ...(kept && measurements && { measurements }),
        }),
      );
    const first = await by(0, true);
    const second = Math.min(...(await inTurn(() => by(1, true))));
    const without = Math.min(...(await inTurn(() => by(1, false))));
    const columns = [
      size.padEnd(8),
      first.toFixed(3).padStart(12),
      second.toFixed(3).padStart(13),
      (second / without).toFixed(2).padStart(7),
      without.toFixed(3).padStart(21),
      (process.resourceUsage().maxRSS / 1024).toFixed(0).padStart(9),
    ];
    console.log(columns.join(' '));
  } finally {
    await images.close();
  }
}

async function inTurn(work: () => Promise<number>): Promise<number[]> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) seconds.push(await work());
  return seconds;
}

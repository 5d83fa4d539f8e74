import { createHash } from 'node:crypto';
import { parseEnclaveImage } from '../src/enclave/enclave-image.ts';
import { type EnclaveLayout, layOutEnclave } from '../src/enclave/enclave-layout.ts';
import { measureEnclave } from '../src/enclave/enclave-measurement.ts';
import { enclaveRulesOf } from '../src/enclave/enclave-rules.ts';
import { readEnclaveSettings } from '../src/enclave/enclave-settings.ts';
import { parseToml } from '../src/manifest/toml/toml.ts';
import { parseRuntimeVersion } from '../src/runtime/version.ts';

/**
 * How long measuring an enclave takes, by its size. The reference is the bare hash: SHA-256 over as many bytes, in
 * pieces of 1 MiB, in the same run; a ratio of 1 means that making the records costs nothing.
 */
const pieceBytes = 1 << 20;
const rounds = 3;
const version = parseRuntimeVersion('1.9');
const rules = enclaveRulesOf(version);

const cases = [
  ['256 MB', 'enclave_size = "256M"'],
  ['4 GB', 'enclave_size = "4G"'],
  ['64 GB', 'enclave_size = "64G"'],
  ['64 GB, 512 threads', 'enclave_size = "64G"\nmax_threads = 512'],
  ['1 TB, EDMM', 'enclave_size = "1024G"\nedmm_enable = true'],
] as const;

console.log('enclave               hashed MB   seconds      MB/s  reference s   ratio   peak MB');
hashBytes(256 * pieceBytes);
for (const [name, sgx] of cases) {
  const layout = layoutOf(`[sgx]\n${sgx}\n`);
  const megabytes = hashedBytesOf(layout) / 1e6;
  // Turn about, so that a busy machine slows both.
  const pairs = Array.from({ length: rounds }, () => ({
    own: secondsOf(() => measureEnclave(layout, rules)),
    reference: secondsOf(() => hashBytes(hashedBytesOf(layout))),
  }));
  const own = Math.min(...pairs.map((pair) => pair.own));
  const reference = Math.min(...pairs.map((pair) => pair.reference));
  const columns = [
    name.padEnd(20),
    megabytes.toFixed(1).padStart(10),
    own.toFixed(3).padStart(9),
    (megabytes / own).toFixed(0).padStart(9),
    reference.toFixed(3).padStart(12),
    (own / reference).toFixed(2).padStart(7),
    (process.resourceUsage().maxRSS / 1024).toFixed(0).padStart(9),
  ];
  console.log(columns.join(' '));
}

function layoutOf(manifest: string): EnclaveLayout {
  return layOutEnclave({
    manifest: Buffer.from(manifest),
    libpal: parseEnclaveImage(syntheticLibpal(), 'libpal.so'),
    settings: readEnclaveSettings(parseToml(manifest, 'bench').root, version),
    rules,
  });
}

/** One readable and executable segment of 512 KiB: about the size of a real libpal.so. */
function syntheticLibpal(): Buffer {
  const file = Buffer.alloc(512 << 10, 0x90);
  file.fill(0, 0, 120);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(62, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64);
  file.writeUInt32LE(5, 68);
  file.writeBigUInt64LE(BigInt(file.length), 96);
  file.writeBigUInt64LE(BigInt(file.length), 104);
  return file;
}

/** 64 bytes for ECREATE, 64 for each page's EADD, and for each measured page 16 times 64 + 256 more. */
function hashedBytesOf(layout: EnclaveLayout): number {
  return layout.areas.reduce((sum, area) => {
    const pages = Number(area.end - area.start) / 4096;
    return sum + pages * (area.isMeasured ? 64 + 16 * 320 : 64);
  }, 64);
}

function hashBytes(count: number): string {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(pieceBytes, 0x5a);
  for (let left = count; left > 0; left -= pieceBytes) {
    hash.update(left < pieceBytes ? piece.subarray(0, left) : piece);
  }
  return hash.digest('hex');
}

function secondsOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

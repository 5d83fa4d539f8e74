import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { editDistance, nearestName } from '../../../src/base/nearest-name.ts';
import { checkManifest, type ManifestRole } from '../../../src/manifest/schema/check.ts';
import { showProblem, throwOnProblems } from '../../../src/manifest/schema/problem.ts';
import { parseToml } from '../../../src/manifest/toml/toml.ts';
import { parseRuntimeVersion } from '../../../src/runtime/version.ts';
import { skipWithoutVectors, vectors } from '../../support/manifest/genuine.ts';

function problems(text: string, version = '1.9', role: ManifestRole = 'user') {
  return checkManifest(parseToml(text, 'app.manifest'), parseRuntimeVersion(version), role);
}

const shown = (text: string, version = '1.9', role: ManifestRole = 'user') =>
  problems(text, version, role).map(showProblem);

const hints = (text: string, version = '1.9') => problems(text, version).map((problem) => problem.hint);

interface Probe {
  readonly name: string;
  readonly toml: string;
  readonly 'v1.7': { readonly accepted: boolean };
  readonly 'v1.8': { readonly accepted: boolean };
  readonly 'v1.9': { readonly accepted: boolean };
}

describe.skipIf(skipWithoutVectors())('the genuine schema', () => {
  const probes: readonly Probe[] = skipWithoutVectors()
    ? []
    : JSON.parse(readFileSync(join(vectors, 'schema-probes.json'), 'utf8')).probes;

  it.each(['v1.7', 'v1.8', 'v1.9'] as const)('%s accepts and rejects the same manifests', (version) => {
    expect(probes.length).toBeGreaterThan(100);
    const differing = probes.filter((probe) => {
      // The probes are written for 1.8 and later; for 1.7 the key was written as the string it was then.
      const isOld = version === 'v1.7';
      const text = isOld
        ? probe.toml.replaceAll('loader.entrypoint.uri = ', 'loader.entrypoint = ')
        : probe.toml;
      return (problems(text, version, 'complete').length === 0) !== probe[version].accepted;
    });
    expect(differing.map((probe) => probe.name)).toEqual([]);
  });

  it('master follows 1.9', () => {
    const differing = probes.filter(
      (probe) => (problems(probe.toml, 'master', 'complete').length === 0) !== probe['v1.9'].accepted,
    );
    expect(differing).toEqual([]);
  });
});

describe('roles', () => {
  it('a complete manifest must have mounts, entrypoint and library OS', () => {
    expect(shown('', '1.9', 'complete')).toEqual([
      'fs.mounts: required, but missing; expected an array of mounts',
      'libos.entrypoint: required, but missing; expected a string',
      'loader.entrypoint.uri: required, but missing; expected a string',
    ]);
    expect(shown('', '1.7', 'complete')[2]).toBe(
      'loader.entrypoint: required, but missing; expected a string',
    );
  });

  it('keys that gsc build fills in are missing with that hint', () => {
    const hints = problems('', '1.9', 'complete').map(({ hint }) => hint);
    expect(hints).toEqual([
      expect.stringMatching(/fs\.mounts = \[\]/),
      ...Array(2).fill(expect.stringMatching(/gsc build/)),
    ]);
  });

  it('mounts are not required before 1.7', () => {
    expect(shown('libos.entrypoint = "x"\nloader.entrypoint = "file:x"', '1.6', 'complete')).toEqual([]);
  });

  it("a user's manifest may be empty", () => {
    expect(shown('')).toEqual([]);
    expect(shown('fs.start_dir = "/"\nloader.uid = 5')).toEqual([]);
  });

  it("what a mount or an ioctl cannot do without is missed in a user's manifest too", () => {
    expect(shown('fs.mounts = [{ path = "/a" }, { type = "tmpfs" }]')).toEqual([
      'fs.mounts[0].uri: required, but missing; expected a string',
      'fs.mounts[1].path: required, but missing; expected a string',
    ]);
    expect(shown('sys.allowed_ioctls = [{ struct = "x" }]')).toHaveLength(1);
  });
});

describe('places', () => {
  it('all problems are found, in the order of the lines, each with its place', () => {
    const text =
      'sgx.debug = 1\nfoo = 1\n[fs]\nmounts = [\n  { type = "nfs", path = "/a" },\n]\n[[sgx.trusted_files]]\nuri = 5\n';
    expect(problems(text).map(({ line, column, path }) => [line, column, path.join('.')])).toEqual([
      [1, 5, 'sgx.debug'],
      [2, 1, 'foo'],
      [5, 5, 'fs.mounts.0.type'],
      [8, 1, 'sgx.trusted_files.0.uri'],
    ]);
  });

  it('one error lists all problems with line and column', () => {
    const found = problems('sgx.debug = 1\nsgx.max_thread = 4');
    const error = caught(() => throwOnProblems('app.manifest', found));
    expect(error.code).toBe('manifest');
    expect(error.message).toContain('2 problems');
    expect(error.message).toContain('app.manifest:1:5: sgx.debug: expected a boolean, got the integer 1');
    expect(error.message).toContain(
      'app.manifest:2:5: sgx.max_thread: not a key of manifests of Gramine 1.9 (did you mean sgx.max_threads?)',
    );
  });

  it('a single problem has its hint as the hint of the error; none is not an error', () => {
    const error = caught(() => throwOnProblems('m', problems('sgx.debug = 1')));
    expect([error.subject, error.hint]).toEqual(['m:1:5', 'write true or false, without quotes']);
    expect(() => throwOnProblems('m', [])).not.toThrow();
  });

  it('of very many problems fifty are listed and the rest counted', () => {
    const text = Array.from({ length: 70 }, (_, index) => `sgx.x${index}y = 1`).join('\n');
    const error = caught(() => throwOnProblems('m', problems(text)));
    expect(error.message).toContain('70 problems');
    expect(error.message).toContain('and 20 more');
  });
});

describe('hints', () => {
  it.each([
    ['sgx.enclav_size = "1G"', 'did you mean sgx.enclave_size?'],
    ['enclave_size = "1G"', 'did you mean sgx.enclave_size?'],
    ['loader.max_threads = 4', 'did you mean sgx.max_threads?'],
    ['loader.log_level = "erorr"', 'did you mean "error"?'],
    ['sgx.enclave_size = 1024', 'write it with its unit and in quotes, as in "512M"'],
    ['sgx.max_threads = "4"', 'write it without quotes'],
    ['sgx.max_threads = 4.0', 'write it without a fraction'],
    ['sgx.require_avx = true', 'use sgx.cpu_features.avx = "required"'],
    ['sgx.thread_num = 4', 'use sgx.max_threads'],
    [
      'loader.preload = "x"',
      'use loader.entrypoint, and loader.env.LD_PRELOAD for libraries of the application',
    ],
    ['fs.mount.a.path = "/a"', 'write the mounts as the array fs.mounts, each with its path'],
    ['fs.root = { path = "/", uri = "file:/" }', 'remove it: the root is always mounted at /'],
    ['sgx.cpu_features.sse = "required"', 'the keys in sgx.cpu_features are avx, avx512, amx, mpx, pkru'],
    ['loader.entrypoint = "file:x"', 'since Gramine 1.8 it is written loader.entrypoint.uri = "file:…"'],
    ['sgx.trusted_files.a = "file:b"', 'write an array: sgx.trusted_files = ["file:…", "file:…"]'],
  ])('%s: %s', (text, hint) => {
    expect(hints(text)).toEqual([hint]);
  });

  it('a key of a later release says so', () => {
    expect(hints('sys.fds.limit = 5', '1.7')).toEqual([
      'this key exists only since Gramine 1.8; remove it, or use a newer Gramine',
    ]);
    expect(hints('sgx.cpu_features.avx = "required"', '1.5')[0]).toContain('since Gramine 1.6');
    expect(
      hints('fs.mounts = [{type="encrypted",path="/a",uri="file:a",enable_recovery=true}]', '1.8')[0],
    ).toContain('since Gramine 1.9');
  });

  it('names that only look odd never break the search for a hint', () => {
    expect(
      shown(
        '__proto__ = 1\nconstructor.x = 2\nsgx.toString = 3\nfs.mounts = [{type="constructor",path="/"}]',
      ),
    ).toHaveLength(4);
  });
});

describe('releases', () => {
  it.each([
    ['sgx.thread_num = 4', '1.4', '1.5'],
    ['sgx.remote_attestation = true', '1.4', '1.5'],
    ['fs.mount.a = { type = "chroot", path = "a", uri = "file:a" }', '1.4', '1.5'],
    ['sgx.protected_files = ["file:a"]', '1.4', '1.5'],
    ['sgx.require_avx = true', '1.7', '1.8'],
    ['loader.entrypoint = "file:a"', '1.7', '1.8'],
    ['sgx.ra_client_spid = "0"', '1.8', '1.9'],
    ['sgx.remote_attestation = "epid"', '1.8', '1.9'],
  ])('%s is accepted up to %s', (text, last, next) => {
    expect(shown(text, last)).toEqual([]);
    expect(shown(text, next)).toHaveLength(1);
  });

  it.each([
    ['sys.allowed_ioctls = []', '1.4', '1.5'],
    ['sgx.cpu_features = {}', '1.5', '1.6'],
    ['sgx.use_exinfo = true', '1.5', '1.6'],
    ['loader.entrypoint.uri = "file:a"', '1.7', '1.8'],
    ['sys.debug__mock_syscalls = []', '1.7', '1.8'],
    ['fs.root = { type = "encrypted", uri = "file:a", enable_recovery = true }', '1.8', '1.9'],
  ])('%s is not known to %s, but to %s', (text, before, first) => {
    expect(shown(text, before)).toHaveLength(1);
    expect(shown(text, first)).toEqual([]);
  });
});

describe('names that are near', () => {
  it('a swap of neighbours is one slip', () => {
    expect(editDistance('debgu', 'debug')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('', 'ab')).toBe(2);
  });

  it('what differs in more than a third is not near', () => {
    expect(nearestName('foo', ['debug', 'bar'])).toBeUndefined();
    expect(nearestName('isvsnv', ['isvprodid', 'isvsvn'])).toBe('isvsvn');
  });
});

function caught(action: () => void): GscError {
  try {
    action();
  } catch (error) {
    if (error instanceof GscError) return error;
  }
  throw new Error('expected a GscError');
}

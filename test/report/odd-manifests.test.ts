import { describe, expect } from 'vitest';
import { CompleteManifest } from '../../src/manifest/complete-manifest.ts';
import { imageReport } from '../../src/report/image-report.ts';
import { reportPage } from '../../src/report/page.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';
import { readGraminizedImage } from '../../src/verify/graminized-image.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp } from '../support/graminized/graminized.ts';
import { longTest } from '../support/long-test.ts';

const values = ['5', '"text"', 'true', '[]', '[1, "x"]', '{ a = 1 }', '[{ uri = 3 }]', '1.5', '1979-05-27'];
const keys = [
  ...['libos.entrypoint', 'loader.argv', 'loader.argv_src_file', 'loader.env', 'loader.env.A', 'loader.uid'],
  ...['loader.env_src_file', 'fs.mounts', 'fs.root', 'fs.start_dir', 'sgx.trusted_files', 'sgx.debug'],
  ...['sgx.allowed_files', 'sgx.enclave_size', 'sgx.max_threads', 'sgx.remote_attestation'],
];

describe('a report on a manifest with a value of any type', () => {
  for (const key of keys) {
    longTest(`of ${key} is a page`, async () => {
      const app = await appImage([[staticProgram(), ['srv/a', 'a']]], { Cmd: ['/app'] });
      const read = await readGraminizedImage((await graminizeApp(app)).image);
      const version = parseRuntimeVersion('1.9');
      for (const value of values) {
        const bytes = Buffer.from(`${key} = ${value}\n`);
        const manifest = { value: CompleteManifest.parse(bytes, 'manifest', version) };
        const page = reportPage(await imageReport({ ...read, manifest, manifestBytes: { value: bytes } }));
        expect([value, /.{20}(?:undefined|NaN|\[object).{20}/s.exec(page)]).toEqual([value, null]);
      }
    });
  }
});

import { describe, expect, it } from 'vitest';
import { parseEnclaveImage } from '../../src/enclave/enclave-image.ts';
import { layOutEnclave } from '../../src/enclave/enclave-layout.ts';
import { measureEnclave } from '../../src/enclave/enclave-measurement.ts';
import { enclaveRulesOf } from '../../src/enclave/enclave-rules.ts';
import { readEnclaveSettings } from '../../src/enclave/enclave-settings.ts';
import { parseToml } from '../../src/manifest/toml/toml.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';
import { areaRows } from '../support/enclave/area-rows.ts';
import { fileOfVector, hasVectors, readVectors, vectorFile } from '../support/enclave/vectors.ts';

describe.skipIf(!hasVectors())('an enclave that the genuine Gramine signer measured', () => {
  const vectors = hasVectors() ? readVectors('gramine-') : [];

  it('is there for every release whose rules differ', () => {
    expect(new Set(vectors.map(({ version }) => version)).size).toBeGreaterThanOrEqual(7);
  });

  for (const vector of vectors) {
    it(`has the same areas and MRENCLAVE: ${vector.directory}/${vector.name}`, () => {
      const version = parseRuntimeVersion(vector.version);
      const manifest = fileOfVector(vector, '.manifest.sgx');
      const rules = enclaveRulesOf(version);
      const layout = layOutEnclave({
        manifest,
        libpal: parseEnclaveImage(vectorFile(vector.libpal.file), vector.libpal.file),
        settings: readEnclaveSettings(parseToml(manifest, vector.name).root, version),
        rules,
      });
      expect(areaRows(layout, 0n)).toEqual(vector.areas_in_measurement_order);
      expect(measureEnclave(layout, rules)).toBe(vector.mrenclave);
    });
  }
});

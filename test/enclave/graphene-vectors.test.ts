import { describe, expect, it } from 'vitest';
import { parseEnclaveImage } from '../../src/enclave/enclave-image.ts';
import { layOutEnclave } from '../../src/enclave/enclave-layout.ts';
import { measureEnclave } from '../../src/enclave/enclave-measurement.ts';
import { type GrapheneDialect, grapheneRules } from '../../src/enclave/enclave-rules.ts';
import { areaRows } from '../support/enclave/area-rows.ts';
import { readGrapheneSettings } from '../support/enclave/graphene-manifest.ts';
import { fileOfVector, hasVectors, readVectors, vectorFile } from '../support/enclave/vectors.ts';

describe.skipIf(!hasVectors())('an enclave that the genuine Graphene signer measured', () => {
  for (const vector of hasVectors() ? readVectors('graphene-') : []) {
    it(`has the same areas and MRENCLAVE: ${vector.directory}/${vector.name}`, () => {
      const dialect = vector.version as GrapheneDialect;
      const manifest = fileOfVector(vector, '.manifest.sgx');
      const rules = grapheneRules[dialect];
      const layout = layOutEnclave({
        manifest,
        libpal: parseEnclaveImage(vectorFile(vector.libpal.file), vector.libpal.file),
        ...(vector.exec && { executable: parseEnclaveImage(vectorFile(vector.exec.file), vector.exec.file) }),
        settings: readGrapheneSettings(manifest, dialect),
        rules,
      });
      const origin = rules.initialStack === 'offset' ? layout.base : 0n;
      expect(areaRows(layout, origin)).toEqual(vector.areas_in_measurement_order);
      expect(measureEnclave(layout, rules)).toBe(vector.mrenclave);
    });
  }
});

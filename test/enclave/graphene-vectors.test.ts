import { describe, expect, it } from 'vitest';
import { measureEnclave } from '../../src/enclave/enclave-measurement.ts';
import { layOutAsSigned } from '../../src/enclave/gramine-enclave.ts';
import { CompleteManifest } from '../../src/manifest/complete-manifest.ts';
import { areaRows } from '../support/enclave/area-rows.ts';
import { fileOfVector, hasVectors, readVectors, vectorFile, versionOf } from '../support/enclave/vectors.ts';

describe.skipIf(!hasVectors())('an enclave that the genuine Graphene signer measured', () => {
  for (const vector of hasVectors() ? readVectors('graphene-') : []) {
    it(`has the same areas and MRENCLAVE: ${vector.directory}/${vector.name}`, () => {
      const version = versionOf(vector);
      const bytes = fileOfVector(vector, '.manifest.sgx');
      const { root } = CompleteManifest.parse(bytes, vector.name, version);
      const { layout, rules } = layOutAsSigned(
        { root, bytes },
        {
          ...{ version, libpal: vectorFile(vector.libpal.file), subject: vector.libpal.file },
          ...(vector.exec && { executable: vectorFile(vector.exec.file) }),
        },
      );
      const origin = rules.initialStack === 'offset' ? layout.base : 0n;
      expect(areaRows(layout, origin)).toEqual(vector.areas_in_measurement_order);
      expect(measureEnclave(layout, rules)).toBe(vector.mrenclave);
    });
  }
});

import { describe, expect, it } from 'vitest';
import { pemSigner } from '../../src/key/pem-signer.ts';
import { describeSigstruct } from '../../src/signature/describe-sigstruct.ts';
import { signEnclave } from '../../src/signature/sign-enclave.ts';
import { verifySigstruct } from '../../src/signature/verify-sigstruct.ts';
import {
  fileOfVector,
  hasVectors,
  readVectors,
  type Vector,
  vectorFile,
  versionOf,
} from '../support/enclave/vectors.ts';

/** The day of signing, read here on its own from the hex in the vector: BCD `DDMMYYYY`, or binary. */
function dateOf(vector: Vector): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(vector.date)) return vector.date;
  const bytes = Buffer.from(vector.sigstruct.date_bytes, 'hex');
  const digits = bytes.toString('hex');
  if (/^\d{8}$/.test(digits)) {
    return `${digits.slice(6)}${digits.slice(4, 6)}-${digits.slice(2, 4)}-${digits.slice(0, 2)}`;
  }
  const [month, day] = [bytes[2], bytes[3]].map((part) => `${part}`.padStart(2, '0'));
  return `${bytes.readUInt16LE()}-${month}-${day}`;
}

describe.skipIf(!hasVectors())('a SIGSTRUCT of the genuine signer', () => {
  const vectors = hasVectors() ? readVectors('g') : [];
  const signer = () => pemSigner(vectorFile('test-key.pem'), { subject: 'test-key.pem' });

  for (const vector of vectors) {
    it(`is made again byte for byte: ${vector.directory}/${vector.name}`, async () => {
      const signed = await signEnclave({
        manifestSgx: fileOfVector(vector, '.manifest.sgx'),
        libpal: vectorFile(vector.libpal.file),
        version: versionOf(vector),
        ...(vector.exec && { executable: vectorFile(vector.exec.file) }),
        signer: signer(),
        date: dateOf(vector),
      });
      expect(signed.mrEnclave).toBe(vector.mrenclave);
      expect(signed.mrSigner).toBe(vector.sigstruct.mrsigner);
      expect(signed.sigstruct.equals(fileOfVector(vector, '.sig'))).toBe(true);
    });
  }

  for (const vector of vectors) {
    it(`verifies, and is described as the vector has it: ${vector.directory}/${vector.name}`, () => {
      const bytes = fileOfVector(vector, '.sig');
      expect(() => verifySigstruct(bytes, vector.name)).not.toThrow();
      const { sigstruct } = vector;
      expect(describeSigstruct(bytes, vector.name)).toMatchObject({
        mrEnclave: vector.mrenclave,
        mrSigner: sigstruct.mrsigner,
        isvProdId: sigstruct.isvprodid,
        isvSvn: sigstruct.isvsvn,
        isDebug: (Number(sigstruct.attributes_flags) & 2) !== 0,
        date: dateOf(vector),
        flags: BigInt(sigstruct.attributes_flags),
        xfrm: BigInt(sigstruct.attributes_xfrm),
        flagsMask: BigInt(sigstruct.attributemask_flags),
        xfrmMask: BigInt(sigstruct.attributemask_xfrm),
        miscSelect: Number(sigstruct.miscselect),
        miscMask: Number(sigstruct.miscmask),
      });
    });
  }
});

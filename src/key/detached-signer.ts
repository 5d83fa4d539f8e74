import { GscError } from '../base/error.ts';
import { describeSignedBytes } from '../signature/describe-sigstruct.ts';
import type { Signer } from '../signature/signer.ts';
import { parseSigningAnswer, type SigningAnswer } from './signing-exchange.ts';

/**
 * A signer whose signature was made elsewhere: `text` is what `gsc sign-prepared` wrote, or a program's answer. It "signs" only
 * what it was made for: `sign` throws a `key` error for another measurement, date, attributes or versions, and says which. The
 * signature itself is verified where it is used, as all are.
 */
export function detachedSigner(text: string, subject: string): Signer {
  const answer = parseSigningAnswer(text, subject);
  return {
    kind: 'detached',
    subject,
    modulus: answer.modulus,
    sign: async (message) => {
      checkSignedBytes(answer, message, subject);
      return answer.signature;
    },
  };
}

function checkSignedBytes({ message: made }: SigningAnswer, wanted: Buffer, subject: string): void {
  if (made === undefined || made.equals(wanted)) return;
  const [of, expected] = [describeSignedBytes(made, subject), describeSignedBytes(wanted, 'image')];
  const names = (Object.keys(expected) as (keyof typeof expected)[]).filter(
    (name) => name !== 'isDebug' && of[name] !== expected[name],
  );
  const differences = names.map(
    (name) => `${fieldNames[name] ?? name}: expected ${show(expected[name])}, got ${show(of[name])}`,
  );
  throw new GscError({
    code: 'key',
    subject,
    message: `the signature was made for something else; ${differences.join('; ')}`,
    hint: 'finish with the same image and the same options as sign-image --prepare, or prepare again',
  });
}

const fieldNames: Readonly<Record<string, string>> = {
  mrEnclave: 'MRENCLAVE',
  isvProdId: 'isvprodid',
  isvSvn: 'isvsvn',
  flags: 'attributes',
  xfrm: 'XFRM',
  xfrmMask: 'the mask of XFRM',
  miscSelect: 'MISCSELECT',
};

function show(value: string | number | bigint | boolean): string {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : String(value);
}

import { decodeSigstruct } from '../signature/sigstruct.ts';
import { checkQuotients, checkSignature } from '../signature/verify-sigstruct.ts';
import { failed, type ImageCheck, type ImageCheckName, mismatch, notChecked, ok } from './check.ts';
import { attempt, type GraminizedImage } from './graminized-image.ts';

/** Group 1: the SIGSTRUCT's form, its signature, the quotients of it, and whose key it is. */
export function signatureChecks(
  image: GraminizedImage,
  expectedSigner: string | undefined,
): readonly ImageCheck[] {
  const { sigstruct, isSigned } = image;
  const subject = image.files.sigstruct;
  const form = attempt(sigstruct, (bytes) => ({ bytes, fields: decodeSigstruct(bytes, subject) }));
  if (form.problem !== undefined) {
    const detail = isSigned ? form.problem : 'the image is not signed: sign it with gsc sign-image';
    const needs = { subject, detail: 'needs a SIGSTRUCT that is well-formed' };
    const others: readonly ImageCheckName[] = ['sigstruct-signature', 'sigstruct-quotients', 'signer'];
    return [failed('sigstruct', { subject, detail }), ...others.map((name) => notChecked(name, needs))];
  }
  const { bytes, fields } = form.value;
  const result = (name: ImageCheckName, work: () => void, detail: string): ImageCheck => {
    const { problem } = attempt({ value: undefined }, work);
    return problem === undefined ? ok(name, { subject, detail }) : failed(name, { subject, detail: problem });
  };
  return [
    ok('sigstruct', {
      subject,
      detail: `${bytes.length} bytes, headers, exponent and reserved bytes as they must be`,
    }),
    result(
      'sigstruct-signature',
      () => checkSignature(bytes, fields, subject),
      'RSA-3072 with exponent 3, valid',
    ),
    result('sigstruct-quotients', () => checkQuotients(fields, subject), 'Q1 and Q2 belong to the signature'),
    signerCheck(image, expectedSigner),
  ];
}

function signerCheck({ signature }: GraminizedImage, expected: string | undefined): ImageCheck {
  const got = signature.value?.mrSigner ?? '';
  const finding = { subject: 'MRSIGNER' };
  if (expected === undefined) {
    const detail = `${got}: no expected key was given; --key PUB or --mrsigner HEX checks it`;
    return notChecked('signer', { ...finding, detail });
  }
  return expected === got
    ? ok('signer', { ...finding, detail: got })
    : failed('signer', { ...finding, detail: `${mismatch(expected, got)}: another key signed the image` });
}

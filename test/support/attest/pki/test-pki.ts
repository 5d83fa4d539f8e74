import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { RawCollateral } from '../../../../src/collateral/collateral.ts';
import {
  type CertificateChoice,
  extension,
  type Holder,
  makeCertificate,
  makeCrl,
  validity,
} from './authority.ts';
import { enumerated, int, octets, oid, seq } from './der.ts';

/** Our own authority of attestation: the names are Intel's, the keys are made for each test. Never to be trusted. */
export interface TestPki {
  readonly root: Holder;
  readonly processorCa: Holder;
  readonly platformCa: Holder;
  readonly tcbSigning: Holder;
}

/** Makes the certificates that all platforms share. */
export function makeTestPki(changes: Readonly<Record<string, Partial<CertificateChoice>>> = {}): TestPki {
  const root = makeCertificate({ name: 'Intel SGX Root CA', isCa: true, ...changes.root });
  const below = (name: string, more: Partial<CertificateChoice>) =>
    makeCertificate({ name, issuer: root, ...more });
  return {
    root,
    processorCa: below('Intel SGX PCK Processor CA', { isCa: true, ...changes.processorCa }),
    platformCa: below('Intel SGX PCK Platform CA', { isCa: true, ...changes.platformCa }),
    tcbSigning: below('Intel SGX TCB Signing', { ...changes.tcbSigning }),
  };
}

/** What a made platform is. */
export interface TestPlatform {
  readonly components: readonly number[];
  readonly pceSvn: number;
  readonly fmspc: string;
  readonly pceId: string;
  readonly instanceId?: string;
}

export const testPlatform: TestPlatform = {
  components: [7, 7, 3, 3, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  pceSvn: 13,
  fmspc: '00706e470000',
  pceId: '0000',
};

const sgx = '1.2.840.113741.1.13.1';

/** Intel's extension of a PCK certificate. */
export function sgxExtension(platform: TestPlatform, more: readonly Buffer[] = []): Buffer {
  const tcb = [
    ...platform.components.map((svn, index) => seq(oid(`${sgx}.2.${index + 1}`), int(svn))),
    seq(oid(`${sgx}.2.17`), int(platform.pceSvn)),
    seq(oid(`${sgx}.2.18`), octets(Buffer.from(platform.components))),
  ];
  return extension(
    sgx,
    seq(
      seq(oid(`${sgx}.1`), octets(Buffer.alloc(16, 1))),
      seq(oid(`${sgx}.2`), seq(...tcb)),
      seq(oid(`${sgx}.3`), octets(Buffer.from(platform.pceId, 'hex'))),
      seq(oid(`${sgx}.4`), octets(Buffer.from(platform.fmspc, 'hex'))),
      seq(oid(`${sgx}.5`), enumerated(0)),
      ...(platform.instanceId === undefined
        ? []
        : [seq(oid(`${sgx}.6`), octets(Buffer.from(platform.instanceId, 'hex')))]),
      ...more,
    ),
  );
}

export function makePck(
  issuer: Holder,
  platform: TestPlatform = testPlatform,
  more: Partial<CertificateChoice> = {},
): Holder {
  return makeCertificate({
    name: 'Intel SGX PCK Certificate',
    issuer,
    extensions: [sgxExtension(platform)],
    ...more,
  });
}

/** A level of TCB info, in the form of version 3. */
export function tcbLevel(
  status: string,
  {
    components = testPlatform.components,
    pceSvn = testPlatform.pceSvn,
    advisories = [] as readonly string[],
  } = {},
): object {
  return {
    tcb: { sgxtcbcomponents: components.map((svn) => ({ svn })), pcesvn: pceSvn },
    tcbDate: '2024-03-13T00:00:00Z',
    tcbStatus: status,
    ...(advisories.length > 0 && { advisoryIDs: advisories }),
  };
}

const dates = { issueDate: '2024-01-01T00:00:00Z', nextUpdate: '2034-01-01T00:00:00Z' };

export function tcbInfoOf(levels: readonly object[], changes: object = {}): object {
  return {
    id: 'SGX',
    version: 3,
    ...dates,
    fmspc: testPlatform.fmspc.toUpperCase(),
    pceId: testPlatform.pceId,
    tcbType: 0,
    tcbEvaluationDataNumber: 17,
    tcbLevels: levels,
    ...changes,
  };
}

/** The quoting enclave of the test PKI. */
export const testQe = { mrSigner: '8c4f'.padEnd(64, '5'), isvProdId: 1, isvSvn: 8 } as const;

export function qeIdentityOf(
  levels: readonly object[] = [qeLevel('UpToDate', 8)],
  changes: object = {},
): object {
  return {
    id: 'QE',
    version: 2,
    ...dates,
    tcbEvaluationDataNumber: 17,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '11000000000000000000000000000000',
    attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
    mrsigner: testQe.mrSigner.toUpperCase(),
    isvprodid: testQe.isvProdId,
    tcbLevels: levels,
    ...changes,
  };
}

export function qeLevel(status: string, isvsvn: number, advisories: readonly string[] = []): object {
  return {
    tcb: { isvsvn },
    tcbDate: '2024-03-13T00:00:00Z',
    tcbStatus: status,
    ...(advisories.length > 0 && { advisoryIDs: advisories }),
  };
}

/** The signature over a text: r and s in hex. */
export function signText(text: string, key: KeyObject): string {
  return sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('hex');
}

export interface CollateralChoice {
  readonly tcbInfo?: object;
  readonly qeIdentity?: object;
  readonly rootRevoked?: readonly bigint[];
  readonly pckRevoked?: readonly bigint[];
  readonly pckCa?: Holder;
  readonly signer?: Holder;
}

/** Collateral that Intel would issue for the test platform: up to date, nothing revoked. */
export function makeCollateral(pki: TestPki, choice: CollateralChoice = {}): RawCollateral {
  const { root, processorCa } = pki;
  const signer = choice.signer ?? pki.tcbSigning;
  const pckCa = choice.pckCa ?? processorCa;
  const tcbInfo = JSON.stringify(choice.tcbInfo ?? tcbInfoOf([tcbLevel('UpToDate')]));
  const qeIdentity = JSON.stringify(choice.qeIdentity ?? qeIdentityOf());
  return {
    tcbInfo,
    tcbInfoSignature: signText(tcbInfo, signer.key),
    tcbInfoIssuerChain: signer.pem + root.pem,
    qeIdentity,
    qeIdentitySignature: signText(qeIdentity, signer.key),
    qeIdentityIssuerChain: signer.pem + root.pem,
    rootCaCrl: makeCrl({ issuer: root, revoked: choice.rootRevoked ?? [] }),
    pckCrls: [
      {
        crl: makeCrl({ issuer: pckCa, revoked: choice.pckRevoked ?? [] }),
        issuerChain: pckCa.pem + root.pem,
      },
    ],
  };
}

export interface ReportChoice {
  readonly mrEnclave?: string;
  readonly mrSigner?: string;
  readonly isvProdId?: number;
  readonly isvSvn?: number;
  readonly attributes?: string;
  readonly miscSelect?: number;
  readonly reportData?: Uint8Array;
}

/** The application's enclave of made quotes. */
export const testEnclave = {
  mrEnclave: 'ab'.repeat(32),
  mrSigner: 'cd'.repeat(32),
  isvProdId: 5,
  isvSvn: 3,
} as const;

function reportBody(choice: ReportChoice): Buffer {
  const body = Buffer.alloc(384);
  body.writeUInt32LE(choice.miscSelect ?? 0, 16);
  body.write(choice.attributes ?? '05000000000000000700000000000000', 48, 'hex');
  body.write(choice.mrEnclave ?? testEnclave.mrEnclave, 64, 'hex');
  body.write(choice.mrSigner ?? testEnclave.mrSigner, 128, 'hex');
  body.writeUInt16LE(choice.isvProdId ?? testEnclave.isvProdId, 256);
  body.writeUInt16LE(choice.isvSvn ?? testEnclave.isvSvn, 258);
  body.set(choice.reportData ?? Buffer.alloc(0), 320);
  return body;
}

export interface QuoteChoice {
  readonly report?: ReportChoice;
  readonly qeReport?: ReportChoice;
  readonly pck?: Holder;
  /** The certificates in the quote; default: PCK, processor CA, root. */
  readonly chain?: string;
  readonly certificationType?: number;
  readonly certificationData?: Buffer;
  readonly authenticationData?: Buffer;
}

/** A quote as a platform of the test PKI makes it. */
export function makeQuote(pki: TestPki, choice: QuoteChoice = {}): Buffer {
  const pck = choice.pck ?? makePck(pki.processorCa);
  const attestation = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const authentication = choice.authenticationData ?? Buffer.from([...Array(32).keys()]);
  const key = rawPoint(attestation.publicKey);
  const qeReport = reportBody({
    mrSigner: testQe.mrSigner,
    isvProdId: testQe.isvProdId,
    isvSvn: testQe.isvSvn,
    attributes: '11000000000000000700000000000000',
    reportData: createHash('sha256').update(key).update(authentication).digest(),
    ...choice.qeReport,
  });
  const header = Buffer.alloc(48);
  header.writeUInt16LE(3, 0);
  header.writeUInt16LE(2, 2);
  header.write('939a7233f79c4ca9940a0db3957f0607', 12, 'hex');
  const signed = Buffer.concat([header, reportBody(choice.report ?? {})]);
  const chain = choice.chain ?? pck.pem + pki.processorCa.pem + pki.root.pem;
  const certification = choice.certificationData ?? Buffer.from(`${chain}\0`);
  const data = Buffer.concat([
    rawSignature(signed, attestation.privateKey),
    key,
    qeReport,
    rawSignature(qeReport, pck.key),
    uint(2, authentication.length),
    authentication,
    uint(2, choice.certificationType ?? 5),
    uint(4, certification.length),
    certification,
  ]);
  return Buffer.concat([signed, uint(4, data.length), data]);
}

function rawSignature(bytes: Buffer, key: KeyObject): Buffer {
  return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
}

function rawPoint(key: KeyObject): Buffer {
  const { x, y } = key.export({ format: 'jwk' });
  return Buffer.concat([Buffer.from(x as string, 'base64url'), Buffer.from(y as string, 'base64url')]);
}

function uint(sizeBytes: number, value: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  bytes.writeUIntLE(value, 0, sizeBytes);
  return bytes;
}

/** The middle of the time in which all that is made is valid. */
export const testTime = new Date((validity.from.getTime() + validity.until.getTime()) / 2);

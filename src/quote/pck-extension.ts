import type { DERElement } from 'asn1-ts';
import { type Certificate, certificateDetails } from '../x509/certificate.ts';
import { membersOf, octetsOf, oidOf, readDer, smallIntegerOf } from '../x509/der.ts';

/** Intel's extension in a PCK certificate ("SGX PCK Certificate and CRL Profile", section 1.3.5). */
const sgxExtension = '1.2.840.113741.1.13.1';

/** How many components of the processor's TCB have a security version. */
export const tcbComponentCount = 16;

/** What a PCK certificate says about its platform. */
export interface PlatformTcb {
  /** The 16 component SVNs, 0 to 255 each. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  readonly cpuSvn: Buffer;
  /** 2 bytes. */
  readonly pceId: Buffer;
  /** 6 bytes: which kind of platform. */
  readonly fmspc: Buffer;
  /** 16 bytes, on platforms with several processors; else undefined. */
  readonly platformInstanceId: Buffer | undefined;
}

/** Reads the extension. Throws a plain Error if it is missing, incomplete, or holds a part twice. */
export function readPlatformTcb(certificate: Certificate): PlatformTcb {
  const value = certificateDetails(certificate).extensions.get(sgxExtension);
  if (value === undefined) throw new Error(`the PCK certificate lacks Intel's SGX extension ${sgxExtension}`);
  const parts = readParts(readDer(value), sgxExtension);
  const tcb = readParts(partIn(parts, 2), `${sgxExtension}.2`);
  const instance = parts.get(6);
  return {
    components: Array.from({ length: tcbComponentCount }, (_, index) =>
      smallIntegerOf(partIn(tcb, index + 1), 0xff),
    ),
    pceSvn: smallIntegerOf(partIn(tcb, 17), 0xffff),
    cpuSvn: sizedOctets(partIn(tcb, 18), 16),
    pceId: sizedOctets(partIn(parts, 3), 2),
    fmspc: sizedOctets(partIn(parts, 4), 6),
    platformInstanceId: instance === undefined ? undefined : sizedOctets(instance, 16),
  };
}

/** A SEQUENCE of (identifier below `parent`, value), by the identifier's last number. */
function readParts(element: DERElement, parent: string): ReadonlyMap<number, DERElement> {
  const parts = new Map<number, DERElement>();
  for (const member of membersOf(element)) {
    const [identifier, value] = membersOf(member);
    const oid = oidOf(identifier);
    const last = Number(oid.slice(parent.length + 1));
    if (!oid.startsWith(`${parent}.`) || !Number.isInteger(last))
      throw new Error(`unexpected identifier ${oid}`);
    if (parts.has(last) || value === undefined) throw new Error(`${oid} appears twice or without a value`);
    parts.set(last, value);
  }
  return parts;
}

function partIn(parts: ReadonlyMap<number, DERElement>, number: number): DERElement {
  const part = parts.get(number);
  if (part === undefined) throw new Error(`Intel's SGX extension lacks its part ${number}`);
  return part;
}

function sizedOctets(element: DERElement, sizeBytes: number): Buffer {
  const bytes = octetsOf(element);
  if (bytes.length !== sizeBytes) throw new Error(`expected ${sizeBytes} bytes, got ${bytes.length}`);
  return bytes;
}

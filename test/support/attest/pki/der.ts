import { ASN1Construction, ASN1TagClass, ASN1UniversalType, DERElement, ObjectIdentifier } from 'asn1-ts';

const { universal, context } = ASN1TagClass;
const { primitive, constructed } = ASN1Construction;

/** Writers of DER for made certificates; values are bytes with tag and length. */
export const seq = (...members: readonly Uint8Array[]) =>
  tlv(universal, ASN1UniversalType.sequence, Buffer.concat(members), constructed);
export const set = (...members: readonly Uint8Array[]) =>
  tlv(universal, ASN1UniversalType.set, Buffer.concat(members), constructed);
export const octets = (bytes: Uint8Array) => tlv(universal, ASN1UniversalType.octetString, bytes);
export const bits = (bytes: Uint8Array, unused = 0) =>
  tlv(universal, ASN1UniversalType.bitString, Buffer.concat([Buffer.from([unused]), bytes]));
export const utf8 = (text: string) => tlv(universal, ASN1UniversalType.utf8String, Buffer.from(text));
export const bool = (value: boolean) =>
  tlv(universal, ASN1UniversalType.boolean, Buffer.from([value ? 0xff : 0]));
export const explicit = (number: number, inner: Uint8Array) => tlv(context, number, inner, constructed);

export function int(value: bigint | number): Buffer {
  const element = new DERElement(universal, primitive, ASN1UniversalType.integer);
  element.integer = BigInt(value);
  return Buffer.from(element.toBytes());
}

export function enumerated(value: number): Buffer {
  return tlv(universal, ASN1UniversalType.enumerated, Buffer.from([value]));
}

export function oid(text: string): Buffer {
  const element = new DERElement(universal, primitive, ASN1UniversalType.objectIdentifier);
  element.objectIdentifier = ObjectIdentifier.fromString(text);
  return Buffer.from(element.toBytes());
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5). */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  const isUtc = at.getUTCFullYear() < 2050;
  const type = isUtc ? ASN1UniversalType.utcTime : ASN1UniversalType.generalizedTime;
  return tlv(universal, type, Buffer.from(`${isUtc ? digits.slice(2) : digits}Z`));
}

function tlv(
  tagClass: ASN1TagClass,
  tagNumber: number,
  value: Uint8Array,
  construction: ASN1Construction = primitive,
): Buffer {
  const element = new DERElement(tagClass, construction, tagNumber);
  element.value = new Uint8Array(value);
  return Buffer.from(element.toBytes());
}

import { ASN1TagClass, ASN1UniversalType, DERElement } from 'asn1-ts';

/** Universal and context-specific tags of the structures that are read here (X.680, RFC 5280). */
const names: Readonly<Record<string, string>> = {
  [tagKey(ASN1TagClass.universal, ASN1UniversalType.integer)]: 'an INTEGER',
  [tagKey(ASN1TagClass.universal, ASN1UniversalType.bitString)]: 'a BIT STRING',
  [tagKey(ASN1TagClass.universal, ASN1UniversalType.octetString)]: 'an OCTET STRING',
  [tagKey(ASN1TagClass.universal, ASN1UniversalType.objectIdentifier)]: 'an OBJECT IDENTIFIER',
  [tagKey(ASN1TagClass.universal, ASN1UniversalType.sequence)]: 'a SEQUENCE',
  [tagKey(ASN1TagClass.universal, ASN1UniversalType.generalizedTime)]: 'a time',
};

/** The one DER value that `bytes` are. Throws a plain Error for anything else, trailing bytes too. */
export function readDer(bytes: Uint8Array): DERElement {
  const element = new DERElement();
  const size = element.fromBytes(bytes);
  if (size !== bytes.length) throw new Error(`expected ${size} bytes of DER, got ${bytes.length}`);
  return element;
}

/** The members of a SEQUENCE. Throws if the value is something else. */
export function membersOf(element: DERElement | undefined): readonly DERElement[] {
  return expectTag(element, ASN1UniversalType.sequence).sequence as DERElement[];
}

/** The number in dots. Throws if the value is not an OBJECT IDENTIFIER. */
export function oidOf(element: DERElement | undefined): string {
  return expectTag(element, ASN1UniversalType.objectIdentifier).objectIdentifier.dotDelimitedNotation;
}

/** The bytes inside an OCTET STRING. Throws if the value is something else. */
export function octetsOf(element: DERElement | undefined): Buffer {
  return Buffer.from(expectTag(element, ASN1UniversalType.octetString).octetString);
}

/** The value of an INTEGER or ENUMERATED that is not negative and at most `most`. Throws if it is something else. */
export function smallIntegerOf(element: DERElement | undefined, most: number): number {
  const value = BigInt(expectTag(element, ASN1UniversalType.integer).integer);
  if (value < 0n || value > BigInt(most))
    throw new Error(`expected an integer from 0 to ${most}, got ${value}`);
  return Number(value);
}

/** The bytes in a BIT STRING of whole bytes. Throws if the value is something else. */
export function wholeBitsOf(element: DERElement | undefined): Buffer {
  const { value } = expectTag(element, ASN1UniversalType.bitString);
  if (value[0] !== 0) throw new Error('expected a BIT STRING of whole bytes');
  return Buffer.from(value.subarray(1));
}

/** Milliseconds since 1970 of a UTCTime or GeneralizedTime. Throws if the value is neither. */
export function timeOf(element: DERElement | undefined): number {
  const isUtc = isUniversal(element, ASN1UniversalType.utcTime);
  if (element !== undefined && isUtc) return element.utcTime.getTime();
  return expectTag(element, ASN1UniversalType.generalizedTime).generalizedTime.getTime();
}

/** Whether a value is there and has this universal type. */
export function isUniversal(element: DERElement | undefined, type: number): boolean {
  return element?.tagClass === ASN1TagClass.universal && element.tagNumber === type;
}

/** Whether a value is there and has this context-specific tag. */
export function isContext(element: DERElement | undefined, tagNumber: number): boolean {
  return element?.tagClass === ASN1TagClass.context && element.tagNumber === tagNumber;
}

function expectTag(element: DERElement | undefined, type: number): DERElement {
  if (element !== undefined && isUniversal(element, type)) return element;
  throw new Error(
    `expected ${names[tagKey(ASN1TagClass.universal, type)] ?? `type ${type}`}, got ${describeTag(element)}`,
  );
}

function describeTag(element: DERElement | undefined): string {
  if (element === undefined) return 'nothing';
  const key = tagKey(element.tagClass, element.tagNumber);
  return names[key] ?? `class ${element.tagClass}, tag ${element.tagNumber}`;
}

function tagKey(tagClass: number, tagNumber: number): string {
  return `${tagClass}/${tagNumber}`;
}

import { InvalidArgumentError, Option } from 'commander';
import { GscError } from '../../base/error.ts';

/** 32 bytes in hex, lower case. */
export function parseHash(text: string): string {
  return parseHex(text, 32, 32).toString('hex');
}

/** Up to 64 bytes in hex. */
export function parseReportData(text: string): Buffer {
  return parseHex(text, 1, 64);
}

/** 6 bytes in hex, upper case as services want it. */
export function parseFmspc(text: string): string {
  return parseHex(text, 6, 6).toString('hex').toUpperCase();
}

function parseHex(text: string, least: number, most: number): Buffer {
  const digits = text.replace(/^0x/, '');
  if (/^(?:[0-9a-fA-F]{2})+$/.test(digits) && digits.length >= 2 * least && digits.length <= 2 * most) {
    return Buffer.from(digits, 'hex');
  }
  throw new InvalidArgumentError(
    `expected ${least === most ? most : `${least} to ${most}`} bytes in hex, got ${JSON.stringify(text)}`,
  );
}

/** A product or security version: 16 bits, decimal. */
export function parseVersion16(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 0xffff) return Number(text);
  throw new InvalidArgumentError(`expected a number from 0 to 65535, got ${JSON.stringify(text)}`);
}

/** A positive number of seconds, in milliseconds. */
export function parseSeconds(text: string): number {
  if (/^\d{1,4}(?:\.\d{1,3})?$/.test(text) && Number(text) > 0) return Number(text) * 1000;
  throw new InvalidArgumentError(`expected seconds, as in 10 or 0.5, got ${JSON.stringify(text)}`);
}

const isoPattern = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Seconds since 1970, or ISO 8601; without a zone it is UTC, whatever the machine's. */
export function parseTime(text: string): Date {
  if (/^\d{1,11}$/.test(text)) return new Date(Number(text) * 1000);
  const [isIso, zone] = isoPattern.exec(text) ?? [];
  const time = new Date(zone === undefined && text.includes('T') ? `${text}Z` : text);
  const day = text.slice(0, 10);
  // Date takes 2024-02-30 for March 1st.
  const isDay = new Date(`${day}T00:00:00Z`).toJSON()?.slice(0, 10) === day;
  if (isIso !== undefined && isDay && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError(
    `expected seconds since 1970 or a time like 2025-07-19T10:01:17Z, got ${JSON.stringify(text)}`,
  );
}

/** `--at` of the commands that judge by a time. */
export function atOption(): Option {
  return new Option(
    '--at <time>',
    'the time at which everything has to be valid: ISO 8601, or seconds since 1970; default: now',
  ).argParser(parseTime);
}

/** `HOST:PORT`; an IPv6 address stands in brackets. */
export function parseEndpoint(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined && Number(port) > 0 && Number(port) <= 0xffff) return { host, port: Number(port) };
  throw new GscError({
    code: 'usage',
    subject: 'the endpoint',
    message: `expected HOST:PORT, got ${JSON.stringify(text)}`,
    hint: 'write it as in service.example.com:443 or [::1]:8443',
  });
}

import { InvalidArgumentError } from 'commander';

/** The bytes of `500MB`, `1.5G`, `64MiB` or a bare number. Throws commander's error for an option's bad value. */
export function parseSize(text: string): number {
  const [, number, prefix = '', binary] = /^(\d+(?:\.\d+)?) ?([kMGT]?)(i?)B?$/i.exec(text) ?? [];
  const power = ['', 'k', 'm', 'g', 't'].indexOf(prefix.toLowerCase());
  const sizeBytes = Math.floor(Number(number) * (binary ? 1024 : 1000) ** power);
  if (Number.isSafeInteger(sizeBytes)) return sizeBytes;
  throw new InvalidArgumentError('Expected a size such as 500MB, 1.5GB or 64MiB.');
}

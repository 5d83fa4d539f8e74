const labelPattern = /^-----BEGIN ([A-Z0-9 ]+)-----$/;

/**
 * The DER blocks of a PEM text (RFC 7468), in its order. Strict, so that no two texts of different content are taken for the same:
 * lines of base64 only, in its canonical form and of one length (the last may be shorter), each block under `label`; nothing
 * between blocks but empty lines; a NUL at the end is allowed, which quotes have. Throws a plain Error with the line for all else, and for a text without a block.
 */
export function parsePem(text: string, label: string): readonly Buffer[] {
  const lines = text.replace(/\0$/, '').split(/\r?\n/);
  const blocks: Buffer[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    if (lines[index] === '') continue;
    const end = lines.indexOf(`-----END ${label}-----`, index);
    expectBegin(lines[index], { label, line: index + 1 });
    if (end === -1)
      throw new Error(`the block from line ${index + 1} on has no line "-----END ${label}-----"`);
    blocks.push(decodeBase64(lines.slice(index + 1, end), index + 2));
    index = end;
  }
  if (blocks.length === 0) throw new Error(`expected "-----BEGIN ${label}-----", got an empty string`);
  return blocks;
}

/** Whether a text is meant to be PEM. */
export function looksLikePem(text: string): boolean {
  return text.trimStart().startsWith('-----BEGIN ');
}

/** The PEM text of one DER value, with a newline at the end. */
export function encodePem(der: Uint8Array, label: string): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function expectBegin(
  text: string | undefined,
  { label, line }: { readonly label: string; readonly line: number },
): void {
  const found = labelPattern.exec(text ?? '')?.[1];
  if (found === label) return;
  const got = found ?? `${JSON.stringify((text ?? '').slice(0, 40))}`;
  throw new Error(`line ${line}: expected "-----BEGIN ${label}-----", got ${got}`);
}

function decodeBase64(lines: readonly string[], firstLine: number): Buffer {
  const text = lines.join('');
  const bytes = Buffer.from(text, 'base64');
  const [first = ''] = lines;
  const isEven = lines.every(({ length }, index) =>
    index === lines.length - 1 ? length > 0 && length <= first.length : length === first.length,
  );
  if (!isEven) throw new Error(`the lines of the block from line ${firstLine} on are not of one length`);
  if (bytes.length > 0 && bytes.toString('base64') === text) return bytes;
  throw new Error(`the block from line ${firstLine} on is not base64 in its canonical form`);
}

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { readVectors, type Vector } from '../support/enclave/vectors.ts';
import { skipWithoutVectors, unpackRootfs, vectors } from '../support/manifest/genuine.ts';

/** Binary: year, month, day. */
function dateOf({ sigstruct }: Vector): string {
  const bytes = Buffer.from(sigstruct.date_bytes, 'hex');
  const [month, day] = [bytes[2], bytes[3]].map((part) => `${part}`.padStart(2, '0'));
  return `${bytes.readUInt16LE()}-${month}-${day}`;
}

describe.skipIf(skipWithoutVectors())("gsc sgx-sign, against Graphene's signers", () => {
  let gsc: GscHere;
  /** A copy of the vectors with their tree: the signers ran in the directory of each. */
  let here: string;

  beforeAll(() => {
    gsc = gscInProcess();
    here = dirname(unpackRootfs());
    cpSync(join(vectors, 'elf'), join(here, 'elf'), { recursive: true });
    return () => rmSync(here, { recursive: true });
  });

  const signArguments = (vector: Vector, output: string) => [
    'sgx-sign',
    ...['--manifest', `${vector.name}.manifest`],
    ...['--output', output],
    ...['--libpal', join(vectors, vector.libpal.file)],
    ...['--key', join(vectors, 'test-key.pem')],
    ...['--date', dateOf(vector)],
    ...['--runtime-version', vector.directory],
  ];

  const inputIn = (vector: Vector): string => {
    const cwd = join(here, vector.directory);
    mkdirSync(cwd, { recursive: true });
    cpSync(join(vectors, vector.directory, `${vector.name}.manifest`), join(cwd, `${vector.name}.manifest`));
    return cwd;
  };

  const all = skipWithoutVectors() ? [] : readVectors('graphene-');

  test.each(all.map((vector) => [`${vector.directory}/${vector.name}`, vector] as const))(
    '%s: the same .manifest.sgx and .sig, beside the output',
    async (name, vector) => {
      const cwd = inputIn(vector);
      const result = await gsc(signArguments(vector, `${vector.name}.manifest.sgx`), { cwd });
      expect(result).toMatchObject({ code: 0, stdout: `${vector.mrenclave}\n` });
      for (const end of ['.manifest.sgx', '.sig']) {
        const [made, genuine] = [join(cwd, `${vector.name}${end}`), join(vectors, `${name}${end}`)];
        expect(readFileSync(made).equals(readFileSync(genuine))).toBe(true);
      }
    },
  );

  const line = (name: string) => {
    const vector = all.find((each) => each.directory === 'graphene-1.1' && each.name.startsWith(name));
    if (vector === undefined) throw new Error(`there is no vector ${name}`);
    return vector;
  };

  test('the SIGSTRUCT goes where sgx.sigfile says', async () => {
    const vector = line('l01');
    const cwd = inputIn(vector);
    writeFileSync(join(cwd, `${vector.name}.manifest`), 'sgx.sigfile = file:./named.sig\n');
    const result = await gsc(signArguments(vector, 'out.manifest.sgx'), { cwd });
    expect(result.code).toBe(0);
    expect(existsSync(join(cwd, 'named.sig'))).toBe(true);
    expect(readFileSync(join(cwd, 'out.manifest.sgx'), 'utf8')).toContain('sgx.sigfile = file:./named.sig\n');
  });

  test("a parent holds the measurement of its child, from the child's .sig", async () => {
    const vector = line('l01');
    const cwd = inputIn(vector);
    const child = await gsc(signArguments(vector, 'child.manifest.sgx'), { cwd });
    writeFileSync(join(cwd, `${vector.name}.manifest`), 'sgx.trusted_children.one = file:child\n');
    const parent = await gsc(signArguments(vector, 'parent.manifest.sgx'), { cwd });
    expect(parent.code).toBe(0);
    expect(readFileSync(join(cwd, 'parent.manifest.sgx'), 'utf8')).toContain(
      `sgx.trusted_mrenclave.one = ${child.stdout}`,
    );
  });

  const problems: readonly (readonly [name: string, code: number, text: string, message: RegExp])[] = [
    ['a child that is not signed yet', 1, 'sgx.trusted_children.one = file:nobody.sig\n', /nobody\.sig/],
    ['a trusted file that is not there', 1, 'sgx.trusted_files.a = file:nothing\n', /sgx\.trusted_files\.a/],
    ['a trusted directory', 1, 'sgx.trusted_files.a = file:..\n', /got a directory/],
    [
      'an ID that the executable has',
      2,
      'loader.exec = file:../elf/exec_pie\nsgx.trusted_files.exec = file:../elf/exec_pie\n',
      /the ID exec/,
    ],
    ['an executable that is not a file URI', 2, 'loader.exec = ../elf/exec_pie\n', /starts with file:/],
    ['a count of threads that is not one', 2, 'sgx.thread_num = many\n', /sgx\.thread_num/],
    ['a product of more than 16 bits', 2, 'sgx.isvprodid = 65536\n', /sgx\.isvprodid/],
    ['a size without a number', 2, 'sgx.enclave_size = big\n', /sgx\.enclave_size/],
  ];
  test.each(problems)('%s is an error, and nothing is written', async (_, code, text, message) => {
    const vector = line('l01');
    const cwd = inputIn(vector);
    writeFileSync(join(cwd, `${vector.name}.manifest`), text);
    const result = await gsc(signArguments(vector, 'bad.manifest.sgx'), { cwd });
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
    expect(existsSync(join(cwd, 'bad.manifest.sgx'))).toBe(false);
  });
});

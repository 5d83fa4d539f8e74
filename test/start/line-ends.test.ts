import { describe, expect, test } from 'vitest';
import type { RunConfig } from '../../src/image/config.ts';
import { parseScriptLine } from '../../src/scan/script-line.ts';
import { findStart } from '../../src/start/container-process.ts';
import { lineEndNotes } from '../../src/start/line-ends.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { file } from '../support/tree/layer-stack.ts';

function script(path: string, text: string, mode = 0o755): LayerEntry {
  const program = parseScriptLine(Buffer.from(text));
  return { ...file(path, text, mode), ...(program && { program }) };
}

const elves: readonly LayerEntry[] = [
  '/bin/sh',
  '/bin/bash',
  '/usr/bin/env',
  '/usr/bin/python3',
  '/tini',
].map((path) => ({ ...file(path, 'x', 0o755), program: { kind: 'elf', machine: 62 } }));

function startOf(run: RunConfig, ...entries: readonly LayerEntry[]) {
  const tree = mergeLayers([[...elves, ...entries]]);
  return { tree, start: () => findStart({ config: run, rootfs: { type: 'layers' } }, tree, 'test') };
}

function notesOn(run: RunConfig, ...entries: readonly LayerEntry[]): readonly string[] {
  const { tree, start } = startOf(run, ...entries);
  return lineEndNotes(start(), tree);
}

const remedy = (path: string) => `add to the Dockerfile: RUN sed -i 's/\\r$//' ${path}`;

describe('a script with Windows line endings', () => {
  test.each(['#!/bin/sh\r\nexit\r\n', '#! /usr/bin/python3\r\n'])(
    'whose interpreter the image has without the carriage return is told for what it is: %j',
    (text) => {
      const { start } = startOf({ Cmd: ['/run'] }, script('/run', text));
      expect(start).toThrow(
        expect.objectContaining({
          code: 'entrypoint',
          message: expect.stringMatching(/^test: \/run has Windows line endings: .*\\x0d$/),
          hint: remedy('/run'),
        }),
      );
    },
  );

  test('starts where the image has an interpreter of that very name', () => {
    const odd = { ...file('/bin/sh\r', 'x', 0o755), program: { kind: 'elf', machine: 62 } } as const;
    const { start } = startOf({ Cmd: ['/run'] }, script('/run', '#!/bin/sh\r\n'), odd);
    expect(start().chain.steps.map(({ path }) => path)).toEqual(['/run', '/bin/sh\r']);
  });

  test.each(['#!/usr/bin/env python3\r\n', '#!/bin/sh -e\r\n'])(
    'that an engine starts, since the line has an argument, is a warning: %j',
    (text) => {
      const notes = notesOn({ Entrypoint: ['/run'] }, script('/run', text));
      expect(notes).toEqual([expect.stringContaining(remedy('/run'))]);
    },
  );

  test.each<[string, RunConfig]>([
    ['to a shell', { Entrypoint: ['sh'], Cmd: ['/opt/run.sh'] }],
    ['by a relative name', { Entrypoint: ['sh', 'run.sh'], WorkingDir: '/opt' }],
    ['in a line for a shell', { Cmd: ['/bin/sh', '-c', 'exec /opt/run.sh --port 80'] }],
    ['to a program that executes it', { Entrypoint: ['/tini', '--', '/opt/run.sh'] }],
  ])('that is given %s is a warning, once', (_, run) => {
    for (const text of ['#!/bin/sh\r\n', '#!/usr/bin/env bash\r\n', '#!/bin/bash -e\r\n']) {
      expect(notesOn(run, script('/opt/run.sh', text))).toEqual([
        expect.stringContaining(remedy('/opt/run.sh')),
      ]);
    }
  });
});

test.each<[string, RunConfig, LayerEntry]>([
  ['Unix line ends', { Cmd: ['/run'] }, script('/run', '#!/usr/bin/env python3\n')],
  ['Unix line ends, for a shell', { Cmd: ['sh', '/run'] }, script('/run', '#!/bin/sh -e\n')],
  [
    'a Python program, which Python reads',
    { Cmd: ['python3', '/run'] },
    script('/run', '#!/bin/python3\r\n'),
  ],
  ['a word that is no file', { Cmd: ['sh', '-c', ' echo  / '] }, script('/run', '#!/bin/sh\r\n')],
])('nothing is reported for %s', (_, run, entry) => {
  expect(notesOn(run, entry)).toEqual([]);
});

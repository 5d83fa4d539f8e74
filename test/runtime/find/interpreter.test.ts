import { describe, expect, test } from 'vitest';
import { parseElf } from '../../../src/elf/elf.ts';
import { interpreterOf } from '../../../src/elf/elf-dynamic.ts';
import { redirectInterpreter } from '../../../src/runtime/find/interpreter.ts';
import { makeElf } from '../../support/runtime/make-elf.ts';

const usual = makeElf({ interpreter: '/lib64/ld-linux-x86-64.so.2', needed: ['libc.so.6'], payload: 'code' });

describe('the interpreter of a loader', () => {
  test('is overwritten in place: 28 bytes hold the new path and NULs, all else stays', () => {
    const redirected = redirectInterpreter(usual, 'loader');
    const field = interpreterOf(parseElf(redirected, 'loader'));
    expect(field).toEqual({ offsetBytes: field?.offsetBytes, sizeBytes: 28, path: '/gramine/host/ld.so' });
    const at = field?.offsetBytes ?? 0;
    expect(redirected.subarray(at, at + 28).toString('latin1')).toBe(`/gramine/host/ld.so${'\0'.repeat(9)}`);
    expect(redirected.subarray(0, at)).toEqual(usual.subarray(0, at));
    expect(redirected.subarray(at + 28)).toEqual(usual.subarray(at + 28));
  });

  test('is overwritten in a copy', () => {
    const before = Buffer.from(usual);
    redirectInterpreter(usual, 'loader');
    expect(usual).toEqual(before);
  });

  test('stays as it is the second time', () => {
    const once = redirectInterpreter(usual, 'loader');
    expect(redirectInterpreter(once, 'loader')).toEqual(once);
  });

  test('is nothing in a static loader', () => {
    const fixed = makeElf();
    expect(redirectInterpreter(fixed, 'loader')).toEqual(fixed);
  });

  test('may take exactly the room that there is', () => {
    const elf = makeElf({ interpreter: '/lib/ld.so.1', interpreterRoom: 20 });
    expect(interpreterOf(parseElf(redirectInterpreter(elf, 'l'), 'l'))?.path).toBe('/gramine/host/ld.so');
  });

  test.each([
    [
      'one byte too little',
      makeElf({ interpreter: '/lib/ld.so.1', interpreterRoom: 19 }),
      'runtime',
      /expected 20 bytes, got 19/,
    ],
    ['no end', makeElf({ interpreter: '/lib/ld.so', interpreterRoom: 10 }), 'elf', /empty or not terminated/],
    ['nothing in it', makeElf({ interpreter: '', interpreterRoom: 28 }), 'elf', /empty or not terminated/],
    ['no ELF file around it', Buffer.from('#!/bin/sh\n'), 'elf', /not an ELF file/],
    [
      'a 32-bit file around it',
      makeElf({ interpreter: '/lib/ld-linux.so.2', is32Bit: true }),
      'elf',
      /64-bit/,
    ],
    ['a file that ends early', usual.subarray(0, 100), 'elf', /outside the file/],
  ])('with %s is an error', (_name, bytes, code, message) => {
    let caught: unknown;
    try {
      redirectInterpreter(bytes, '/x/sgx/loader');
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code, subject: '/x/sgx/loader', message: expect.stringMatching(message) });
  });
});

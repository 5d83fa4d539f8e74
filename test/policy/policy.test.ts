import { describe, expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import { defaultPolicy, parsePolicy } from '../../src/policy/policy.ts';

const parse = (text: string) => parsePolicy(text, 'policy.yaml');

function errorOf(text: string): GscError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof GscError) return error;
  }
  throw new Error('no error');
}

describe('a policy', () => {
  test.each(['', '# nothing\n', '{}', 'attest:\n', 'attest: {}'])(
    'that says nothing (%j) is the default',
    (text) => {
      expect(parse(text)).toEqual(defaultPolicy);
    },
  );

  test('has every key of the documentation', () => {
    const { attest } = parse(`attest:
  tcb_status: [UpToDate, OutOfDate]
  advisories: { accept: [INTEL-SA-00615], refuse: [INTEL-SA-00837] }
  min_tcb_evaluation_data_number: 17
  fmspc: { accept: [00706E470000, 00906ed50000] }
  platform_instance: { refuse: [0123456789abcdef0123456789abcdef] }
  grace_days: 7
  debug: true
  require_crls: false
`);
    expect(attest).toEqual({
      tcbStatuses: ['UpToDate', 'OutOfDate'],
      advisories: { accepted: ['INTEL-SA-00615'], refused: ['INTEL-SA-00837'] },
      minTcbEvaluationDataNumber: 17,
      // YAML would take the first for a number: 706 times ten to the power of 470000.
      fmspcs: { accepted: ['00706e470000', '00906ed50000'], refused: [] },
      platformInstances: { accepted: undefined, refused: ['0123456789abcdef0123456789abcdef'] },
      graceDays: 7,
      isDebugAllowed: true,
      areCrlsRequired: false,
    });
  });

  test('may be JSON', () => {
    expect(parse('{"attest":{"debug":true,"grace_days":1}}').attest).toMatchObject({
      isDebugAllowed: true,
      graceDays: 1,
    });
  });

  test.each([
    ['attst: {}', 'policy.yaml:1:8', /attst: unknown key/],
    ['attest:\n  debg: true', 'policy.yaml:2:9', /attest\.debg: unknown key/],
    ['attest:\n  debug: yes', 'policy.yaml:2:10', /attest\.debug: expected true or false/],
    ['attest:\n  grace_days: -1', 'policy.yaml:2:15', /expected a whole number/],
    ['attest:\n  grace_days: [7]', 'policy.yaml:2:15', /expected a whole number from 0 to 3650/],
    ['attest:\n  fmspc: { accept: [[0070]] }', 'policy.yaml:2:21', /expected 6 bytes in hex/],
    ['? [attest]\n: {}', 'policy.yaml:1:1', /unknown key/],
    ['attest:\n  grace_days: 1e3', 'policy.yaml:2:15', /expected a whole number/],
    ['attest:\n  tcb_status: UpToDate', 'policy.yaml:2:15', /expected a list/],
    [
      'attest:\n  tcb_status:\n    - UpToDate\n    - Uptodate',
      'policy.yaml:4:7',
      /tcb_status\.1: expected one of/,
    ],
    ['attest:\n  tcb_status: [Revoked]', 'policy.yaml:2:16', /Revoked cannot be accepted/],
    ['attest:\n  advisories: { refuse: [SA-1] }', 'policy.yaml:2:26', /expected an advisory/],
    ['attest:\n  fmspc: { accept: [0070] }', 'policy.yaml:2:21', /expected 6 bytes in hex/],
    ['attest: [', 'policy.yaml:1:10', /not valid YAML/],
    ['attest:\n  debug: true\n  debug: false', 'policy.yaml:3:3', /not valid YAML/],
    ['- a', 'policy.yaml:1:1', /the file: /],
    ['text', 'policy.yaml:1:1', /the file: /],
  ])('%j is refused at %s', (text, place, message) => {
    const error = errorOf(text);
    expect(error.code).toBe('config');
    expect(error.message).toMatch(message);
    expect(error.subject).toBe(place);
  });

  test('a bomb of aliases is refused', () => {
    const lines = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (let index = 0; index < 9; index += 1) {
      const [from, to] = [String.fromCharCode(97 + index), String.fromCharCode(98 + index)];
      lines.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(',')}]`);
    }
    expect(errorOf(lines.join('\n')).message).toMatch(/not valid YAML/);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseChallenges } from '../../../src/store/registry/challenge.ts';
import { mergeScopes } from '../../../src/store/registry/scope.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';

const shown = (header: string | string[] | undefined) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('WWW-Authenticate', () => {
  test.each([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull,push"',
      [
        [
          'bearer',
          {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:library/x:pull,push',
          },
        ],
      ],
    ],
    ['Basic realm="Registry Realm"', [['basic', { realm: 'Registry Realm' }]]],
    ['Basic', [['basic', {}]]],
    ['bearer Realm = "x" , SERVICE=y', [['bearer', { realm: 'x', service: 'y' }]]],
    ['Bearer realm=https://x/token,service=y', [['bearer', { realm: 'https://x/token', service: 'y' }]]],
    [
      'Bearer realm="a \\"b\\", c", Basic realm="d"',
      [
        ['bearer', { realm: 'a "b", c' }],
        ['basic', { realm: 'd' }],
      ],
    ],
    [
      'Negotiate abc==, Basic realm="d"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'd' }],
      ],
    ],
    [
      'Negotiate, Basic',
      [
        ['negotiate', {}],
        ['basic', {}],
      ],
    ],
    ['Bearer realm="a", realm="b"', [['bearer', { realm: 'a' }]]],
  ])('%s', (header, expected) => {
    expect(shown(header)).toEqual(expected);
  });

  test.each([
    ['', []],
    [undefined, []],
    [',,,', []],
    ['"', []],
    ['=x', []],
    ['Bearer realm="unfinished', [['bearer', {}]]],
    ['Bearer realm="a"; service="b"', [['bearer', {}]]],
    ['Bearer realm="a" "b"', [['bearer', {}]]],
  ])('%j is read as far as it follows the grammar', (header, expected) => {
    const got = shown(header);
    expect(got.map(([scheme]) => scheme).slice(0, 1)).toEqual(expected.map(([scheme]) => scheme));
  });

  test('several headers are several challenges', () => {
    expect(shown(['Negotiate', 'Basic realm="x"'])).toEqual([
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
    ]);
  });

  test('what is quoted comes back as it was', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (realm, service) => {
        const quote = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
        const clean = (text: string) => text.replace(/[\r\n\u2028\u2029]/g, '');
        const header = `Bearer realm=${quote(clean(realm))}, service=${quote(clean(service))}`;
        expect(shown(header)).toEqual([['bearer', { realm: clean(realm), service: clean(service) }]]);
      }),
    );
  });

  test('no text makes it hang or throw', async () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => Array.isArray(parseChallenges(text))));
    const seconds = await cpuSeconds(() => {
      parseChallenges(`Bearer realm="${'\\a'.repeat(20_000)}`);
      parseChallenges(`Bearer ${'a='.repeat(20_000)}`);
      parseChallenges('a '.repeat(20_000));
    });
    expect(seconds).toBeLessThan(10);
  });
});

test('scopes of one resource are joined, in their own order', () => {
  expect(mergeScopes(['repository:b:push', 'repository:a:pull', 'repository:b:pull,push', ''])).toEqual([
    'repository:a:pull',
    'repository:b:pull,push',
  ]);
});

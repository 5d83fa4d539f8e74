import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinPaths, mergeManifests } from '../../src/manifest/merge.ts';
import { predictStartSeconds } from '../../src/manifest/start-time.ts';
import { serializeManifest } from '../../src/manifest/toml/serialize.ts';
import { parseToml, showPath } from '../../src/manifest/toml/toml.ts';

function merge(user: string, own: string) {
  const { merged, overrides } = mergeManifests(parseToml(user, 'u').root, parseToml(own, 'o').root);
  return {
    text: serializeManifest(merged),
    overrides: overrides.map(({ path, user: theirs, own: ours }) => [showPath(path), theirs, ours]),
  };
}

/** Where mounts go, one after another by the rule itself: before the first mount below, else at the end. */
function placedOneByOne(user: readonly string[], own: readonly string[]): readonly string[] {
  const joined = [...user];
  for (const path of own) {
    const below = joined.findIndex((other) => other.startsWith(`${path}/`));
    joined.splice(below < 0 ? joined.length : below, 0, path);
  }
  return joined;
}

describe("gsc's mounts", () => {
  const mountPath = fc
    .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`);
  const paths = fc.uniqueArray(mountPath, { maxLength: 8 });
  const mounts = (list: readonly string[]) =>
    `fs.mounts = [${list.map((path) => `{ path = "${path}", uri = "file:/x" }`).join(', ')}]`;

  it('stand before the first mount that is below, else last', () => {
    fc.assert(
      fc.property(paths, paths, (user, all) => {
        const own = all.filter((path) => !user.includes(path));
        const { text } = merge(mounts(user), mounts(own));
        const order = [...text.matchAll(/path = "([^"]*)"/g)].map((match) => match[1]);
        expect(order).toEqual(placedOneByOne(user, own));
      }),
      { numRuns: 500 },
    );
  });
});

describe('merging', () => {
  it("keys of the user come first and in the user's order, then gsc's", () => {
    const { text } = merge('sgx.b = 1\nsgx.a = 2\nz = 1', 'sgx.c = 3\nsgx.a = 2\nloader.x = 4');
    expect(text).toBe('z = 1\n\n[sgx]\nb = 1\na = 2\nc = 3\n\n[loader]\nx = 4\n');
  });

  it('of two values the user has the last word, and a note says so; equal ones are not', () => {
    const { text, overrides } = merge(
      'sgx.debug = true\nsgx.enclave_size = "1G"\nfs.root = { uri = "file:/a" }',
      'sgx.debug = false\nsgx.enclave_size = "1G"\nfs.root = "x"',
    );
    expect(text).toContain('debug = true');
    expect(overrides).toEqual([
      ['sgx.debug', 'true', 'false'],
      ['fs.root', '{ uri = "file:/a" }', '"x"'],
    ]);
  });

  it('an integer and a float are different values', () => {
    expect(merge('a = 1', 'a = 1.0').overrides).toEqual([['a', '1', '1.0']]);
  });

  it('arrays are joined without what exists already; tables compare by content', () => {
    const { text, overrides } = merge(
      'sgx.trusted_files = ["file:/a", { uri = "file:/b", sha256 = "1" }]',
      'sgx.trusted_files = [{ sha256 = "1", uri = "file:/b" }, "file:/c", "file:/a"]',
    );
    expect(text).toContain('[\n    "file:/a",\n    { uri = "file:/b", sha256 = "1" },\n    "file:/c",\n]');
    expect(overrides).toEqual([]);
  });

  it('arguments are one value, not a list of things', () => {
    const { text, overrides } = merge('loader.argv = ["a", "-v", "-v"]', 'loader.argv = ["b", "-v"]');
    expect(text).toContain('argv = [\n    "a",\n    "-v",\n    "-v",\n]');
    expect(overrides).toHaveLength(1);
  });

  it("a mount of gsc gives way to the user's on the same path", () => {
    const { text, overrides } = merge(
      'fs.mounts = [{ type = "encrypted", path = "/tmp/", uri = "file:/x" }]',
      'fs.mounts = [{ type = "tmpfs", path = "/tmp" }, { type = "tmpfs", path = "/run" }]',
    );
    expect(text).not.toContain('path = "/tmp" }');
    expect(text).toContain('{ type = "tmpfs", path = "/run" }');
    expect(overrides).toEqual([
      [
        'fs.mounts[0]',
        '{ type = "encrypted", path = "/tmp/", uri = "file:/x" }',
        '{ type = "tmpfs", path = "/tmp" }',
      ],
    ]);
  });

  it.each(['PATH', 'LD_LIBRARY_PATH', 'LD_PRELOAD'])(
    '%s is joined in every form, without repeats',
    (name) => {
      expect(merge(`loader.env.${name} = "/u:/x"`, `loader.env.${name} = "/o:/u:/o"`).text).toContain(
        `${name} = "/u:/x:/o"`,
      );
      const table = merge(`loader.env.${name} = { value = "/u" }`, `loader.env.${name} = "/o"`);
      expect(table.text).toContain('value = "/u:/o"');
      expect(table.overrides).toEqual([]);
      const both = merge(`loader.env.${name}.value = "/u"`, `loader.env.${name}.value = "/o"`);
      expect(both.text).toContain('value = "/u:/o"');
    },
  );

  it('what is passed through from the host wins whole', () => {
    const { text, overrides } = merge('loader.env.PATH.passthrough = true', 'loader.env.PATH.value = "/o"');
    expect(text).toBe('[loader.env.PATH]\npassthrough = true\n');
    expect(overrides).toEqual([['loader.env.PATH', '{ passthrough = true }', '{ value = "/o" }']]);
  });

  it('other variables are not joined, and never get two keys', () => {
    const { text, overrides } = merge(
      'loader.env.A = "u"\nloader.env.B.passthrough = true',
      'loader.env.A = "o"\nloader.env.B.value = "o"\nloader.env.C = "o"',
    );
    expect(text).toBe('[loader.env]\nA = "u"\nC = "o"\n\n[loader.env.B]\npassthrough = true\n');
    expect(overrides).toHaveLength(2);
  });

  it('merging with nothing, or with itself, changes nothing', () => {
    const text =
      '[loader.env]\nPATH = "/a:/b"\n\n[fs]\nmounts = [\n    { path = "/a", uri = "file:/a" },\n]\n';
    expect(merge(text, '')).toEqual({ text, overrides: [] });
    expect(merge('', text)).toEqual({ text, overrides: [] });
    expect(merge(text, text)).toEqual({ text, overrides: [] });
  });

  it('joined paths have no empty parts', () => {
    expect(joinPaths('/a::/b:', '', ':/b:/c')).toBe('/a:/b:/c');
  });
});

describe('start-up time', () => {
  it.each([
    [10_000, 1.84],
    [20_000, 5.84],
    [40_000, 27.5],
  ])('%i entries were measured to take %d s: the figure is near', (count, seconds) => {
    expect(Math.abs(predictStartSeconds(count, { isLinear: false }).least / seconds - 1)).toBeLessThan(0.25);
  });

  it('the range ends at what the slower machine took: 4.5 s for 9,212 entries', () => {
    const { least, most } = predictStartSeconds(9212, { isLinear: false });
    expect(least).toBeCloseTo(1.36, 2);
    expect(most).toBeCloseTo(4.24, 2);
  });

  it.each([
    [39_212, 0.71 - 0.49],
    [109_212, 1.03 - 0.49],
  ])(
    'a parser of linear time was measured to take %d entries in %d s: the figure is near',
    (count, seconds) => {
      const { most } = predictStartSeconds(count, { isLinear: true });
      expect(Math.abs(most / seconds - 1)).toBeLessThan(0.25);
    },
  );

  it.each([true, false])('no files cost nothing, with a linear parser: %j', (isLinear) => {
    expect(predictStartSeconds(0, { isLinear })).toEqual({ least: 0, most: 0 });
  });
});

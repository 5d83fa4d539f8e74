import fc from 'fast-check';

/** JSON texts by field, in any order, a field perhaps several times. */
type Members = readonly (readonly [field: string, json: string])[];

const word = fc.constantFrom('a', 'b', 'c d', '', 'ä', '__proto__', 'A', '\u0001');
const list = (item: fc.Arbitrary<unknown>, maxLength = 3) => fc.array(item, { maxLength });
const map = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(word, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries));

/** What may stand for each field that decides how a container starts, and for some that do not. */
const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  User: fc.constantFrom('0', '1000', '7:8', ''),
  Env: list(fc.constantFrom('A=1', 'A=2', 'b=', 'PATH=/bin', 'C=x=y')),
  Entrypoint: fc.constantFrom<readonly string[]>(
    [],
    ['/app/prog'],
    ['/app/prog', '-x', 'a b'],
    ['/app/prog', ''],
  ),
  Cmd: fc.constantFrom<readonly string[]>([], ['/app/prog'], ['/app/prog', 'serve', ''], ['/app/prog', 'x']),
  WorkingDir: fc.constantFrom('/', '/app', '/opt/new', ''),
  Labels: map(fc.constantFrom('1', 'two', '')),
  Volumes: map(fc.constant({})).map((volumes) =>
    Object.fromEntries(Object.keys(volumes).map((name) => [`/v/${Buffer.from(name).toString('hex')}`, {}])),
  ),
  StopSignal: fc.constantFrom('SIGINT', '9', ''),
};

/** A spelling that Go takes for the same field: other case, the long s, the Kelvin sign, escapes. */
function spellingOf(field: string): fc.Arbitrary<string> {
  const letters = [...field].map((letter) => {
    const upper = letter.toUpperCase();
    const others = upper === 'S' ? ['\u017f'] : upper === 'K' ? ['\u212a'] : [];
    const escaped = `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return fc.constantFrom(letter, letter, letter.toLowerCase(), upper, escaped, ...others);
  });
  return fc.oneof(
    fc.constant(field),
    fc.constant(field.toLowerCase()),
    fc.tuple(...letters).map((all) => all.join('')),
  );
}

function member(field: string, json: fc.Arbitrary<string>): fc.Arbitrary<readonly [string, string]> {
  return fc.tuple(spellingOf(field), json);
}

function objectOf(members: Members): string {
  return `{${members.map(([key, json]) => `"${key}":${json}`).join(', ')}}`;
}

const runMember = fc.constantFrom(...Object.keys(values), 'Entrypoint', 'Entrypoint', 'Cmd').chain((field) =>
  member(
    field,
    fc.option(values[field] as fc.Arbitrary<unknown>, { freq: 6 }).map((value) => JSON.stringify(value)),
  ),
);

const runConfig = fc.array(runMember, { maxLength: 14 }).map(objectOf);

/**
 * The text of an image's config whose run configuration is spelled in ways that engines read all the same: fields in any
 * case, several times, empty, null; the run configuration itself up to twice.
 */
export function oddImageConfig(diffIds: readonly string[]): fc.Arbitrary<string> {
  const configs = fc.array(member('config', runConfig), { minLength: 1, maxLength: 2 });
  const rest = fc.tuple(
    member('os', fc.constant('"linux"')),
    member('architecture', fc.constant('"amd64"')),
    member(
      'rootfs',
      fc.constant(
        objectOf([
          ['type', '"layers"'],
          ['diff_ids', JSON.stringify(diffIds)],
        ]),
      ),
    ),
  );
  return fc
    .tuple(configs, rest)
    .chain(([several, others]) =>
      fc.shuffledSubarray([...several, ...others], { minLength: several.length + others.length }),
    )
    .map(objectOf);
}

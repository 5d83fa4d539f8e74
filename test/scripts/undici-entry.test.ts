import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('the bundle has all of undici that the sources import', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const names = files.flatMap((file) => {
    const text = readFileSync(join('src', file), 'utf8');
    const [, list = ''] = /^import \{([^}]*)\} from 'undici'/m.exec(text) ?? [];
    return list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type '));
  });
  const entry = createRequire(import.meta.url)('../../scripts/undici-entry.cjs') as Record<string, unknown>;
  for (const name of names) expect(typeof entry[name], name).toBe('function');
  expect(names).toContain('Agent');
});

import { describe, expect, test } from 'vitest';
import { scanImage } from '../../src/scan/scan-image.ts';
import { findStart } from '../../src/start/container-process.ts';
import type { StartedPrograms } from '../../src/start/started-programs.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';

const base: readonly MadeEntry[] = [staticProgram('bin/sh'), staticProgram('bin/env')];

/** What starts in an image with a shell, whose scripts are at these places. */
async function startedIn(
  scripts: Readonly<Record<string, string>>,
  argv: readonly string[],
): Promise<StartedPrograms> {
  const entries = Object.entries(scripts).map(
    ([path, text]): MadeEntry => [path.slice(1), text.startsWith('#!') ? text : `#!/bin/sh\n${text}`, 0o755],
  );
  const app = await appImage([[...base, ...entries]], { Entrypoint: [...argv], Env: ['PATH=/opt/bin:/bin'] });
  return findStart(app.config, (await scanImage(app)).tree, 'test').programs;
}

describe('the programs that a start leads to', () => {
  test('are those of the last command that takes the place of a script, then the later before the earlier', async () => {
    const script = 'first\nif x; then exec /opt/jdk/bin/java -jar a.jar; fi\nsecond\nthird &\n';
    expect(await startedIn({ '/start.sh': script }, ['/start.sh'])).toEqual({
      named: ['start.sh', 'sh'],
      scripted: ['java', 'third', 'second', 'fi', 'x', 'first'],
    });
  });

  test.each([
    ['a launcher', 'exec gosu app tini -- redis-server --port 1'],
    ['a variable in its path', 'exec "$HOME_OF_IT/bin/redis-server"'],
    ['arguments that are set', 'set -- redis-server "$@"\nexec "$@"'],
  ])('are found behind %s', async (_, script) => {
    expect((await startedIn({ '/s': script }, ['/s'])).scripted).toContain('redis-server');
  });

  test('are followed through scripts that start scripts, by path and by PATH, and not in circles', async () => {
    const scripts = {
      '/one': 'exec two',
      '/opt/bin/two': 'exec ./three',
      '/three': '#!/bin/env bash\n/one\nexec nginx',
    };
    expect((await startedIn(scripts, ['/one'])).scripted).toContain('nginx');
    const byShell = await startedIn(scripts, ['/bin/sh', '-c', 'cd / && exec /one']);
    expect(byShell.named).toContain('one');
    expect(byShell.scripted).toContain('nginx');
  });

  test('include the interpreter of a script in another language', async () => {
    const scripts = { '/s': 'exec /app.py', '/app.py': '#!/bin/env python3\nexec("x")' };
    expect((await startedIn(scripts, ['/s'])).scripted).toEqual(['app.py', 'env', 'python3']);
  });

  test('are named by the arguments of an entrypoint script first', async () => {
    const { named } = await startedIn({ '/entry.sh': 'exec "$@"' }, [
      '/entry.sh',
      'redis-server',
      '--port=1',
    ]);
    expect(named).toEqual(['entry.sh', 'sh', 'redis-server']);
  });

  test('are not looked for in scripts of the distribution, nor in large ones', async () => {
    expect((await startedIn({ '/usr/bin/s': 'exec nginx' }, ['/usr/bin/s'])).scripted).toEqual([]);
    expect(
      (await startedIn({ '/usr/bin/docker-entrypoint.sh': 'exec nginx' }, ['/usr/bin/docker-entrypoint.sh']))
        .scripted,
    ).toEqual(['nginx']);
    const large = `${'#'.repeat(40_000)}\nexec nginx`;
    expect((await startedIn({ '/s': large }, ['/s'])).scripted).toEqual([]);
  });
});

import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import type { Image } from '../../../src/image/image.ts';
import { appImage } from '../graminized/app-image.ts';
import { imageForTest } from '../images/image-for-test.ts';
import type { MadeEntry } from '../scan/made-layers.ts';

/**
 * A small app image of real Debian files: a shell, a program with its loader and C library, the directory links of a
 * merged /usr, an account; on top an application with data, a working directory and an environment.
 */
export async function debianApp(context: TestContext): Promise<Image> {
  const { rootfs } = await imageForTest(context, 'debian-python');
  const real = (path: string): Buffer => readFileSync(realpathSync(join(rootfs, path)));
  const loader = 'usr/lib64/ld-linux-x86-64.so.2';
  const system: readonly MadeEntry[] = [
    ...['bin', 'lib', 'lib64'].map((name): MadeEntry => [name, { link: `usr/${name}` }]),
    ['usr/', null],
    ['usr/bin/', null],
    ['usr/bin/sh', real('usr/bin/dash'), 0o755],
    ['usr/bin/cat', real('usr/bin/cat'), 0o755],
    ['usr/bin/env', real('usr/bin/env'), 0o755],
    [loader, real('usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'), 0o755],
    ['usr/lib/x86_64-linux-gnu/libc.so.6', real('usr/lib/x86_64-linux-gnu/libc.so.6')],
    ['usr/lib/x86_64-linux-gnu/libm.so.6', real('usr/lib/x86_64-linux-gnu/libm.so.6')],
    // Directory links become mounts where they stand for many files.
    ...['usr/bin', 'usr/lib', 'usr/lib64'].flatMap(many),
    ['etc/passwd', 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n'],
    ['etc/group', 'root:x:0:\napp:x:1000:\n'],
  ];
  const application: readonly MadeEntry[] = [
    ['srv/', null],
    ['srv/app/', null],
    ['srv/app/greeting', 'hello\n'],
    ['srv/app/other', 'other\n'],
    ...many('srv/app'),
    ['srv/current', { link: 'app' }],
    ['opt/tool/read', real('usr/bin/cat'), 0o755],
  ];
  return appImage([system, application], {
    Entrypoint: ['/usr/bin/cat'],
    Cmd: ['/srv/app/greeting'],
    Env: ['PATH=/usr/bin:/bin', 'MODE=careful'],
    User: 'app',
    WorkingDir: '/srv/app',
    Labels: { vendor: 'somebody' },
    StopSignal: 'SIGTERM',
  });
}

function many(directory: string): readonly MadeEntry[] {
  return Array.from(
    { length: 12 },
    (_, index): MadeEntry => [`${directory}/part${index}`, `${directory} ${index}`],
  );
}

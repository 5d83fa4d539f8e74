import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packLayer } from '../images/recipe.ts';
import { runTool } from '../images/run-tool.ts';
import {
  stageDirectories,
  stageFile,
  stageLibraries,
  stageLinks,
  stageTexts,
} from '../images/stage-files.ts';
import { type ArchivedLayer, layerOfTar } from './docker-archive.ts';
import { probeSource } from './probe.ts';

/** The programs that making the bases needs. */
export const baseTools = ['cc', 'musl-gcc', 'busybox', 'tar', 'ldd', 'dash', 'bash'];

/** Systems on which a container can start: with busybox, with Debian's shells on glibc, on musl without a shell, with nothing. */
export const baseNames = ['busybox', 'debian', 'musl', 'bare'] as const;
export type BaseName = (typeof baseNames)[number];

/** True if the base has a /bin/sh, so that the apploader starts the application. */
export function hasShell(base: BaseName): boolean {
  return base === 'busybox' || base === 'debian';
}

/** The layers of each base, made in `stage`, an empty directory. All share the layer of programs to start. */
export async function makeBases(
  stage: string,
): Promise<Readonly<Record<BaseName, readonly ArchivedLayer[]>>> {
  const programs = await layerOfTar(await makePrograms(stage));
  return {
    busybox: [await layerOfTar(await makeBusybox(join(stage, 'busybox'))), programs],
    debian: [await layerOfTar(await makeDebian(join(stage, 'debian'), stage)), programs],
    musl: [await layerOfTar(await makeMusl(join(stage, 'musl'), stage)), programs],
    bare: [programs],
  };
}

const accounts = {
  '/etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    'app:x:1000:1000:an application:/home/app:/bin/sh',
    'svc:x:1001:1002::/nonexistent:/bin/false',
    'nohome:x:1003:1003:::/bin/sh',
    '4321:x:777:778::/home/number:/bin/sh',
    'twice:x:1100:1100::/first:/bin/sh',
    'twice:x:1101:1101::/second:/bin/sh',
    'not an account',
    '',
  ].join('\n'),
  '/etc/group': 'root:x:0:\napp:x:1000:\nsvc:x:1002:\nstaff:x:50:app,svc\n4321:x:888:\n',
};

/** Programs, scripts and links, at the places where they are looked for. */
async function makePrograms(stage: string): Promise<string> {
  const root = join(stage, 'programs');
  await mkdir(root);
  await compileProbe('cc', ['-static'], join(stage, 'probe'));
  const probe = join(stage, 'probe');
  for (const path of [
    '/usr/local/bin/probe',
    '/opt/app/bin/probe',
    '/opt/app/pro be',
    '/opt/app/prob\u00e9',
    '/opt/app/new\nline',
    '/probe',
  ]) {
    await stageFile(root, probe, path);
  }
  await stageTexts(root, accounts);
  const scripts: Readonly<Record<string, string>> = {
    '/usr/local/bin/entry.sh': '#!/bin/sh\nexec /usr/local/bin/probe "$0" "$@"\n',
    '/opt/app/run.sh': '#!/bin/sh -e\nexec /usr/local/bin/probe "$0" "$@"\n',
    '/opt/app/words': '#! \t/usr/local/bin/probe  one two \nrest\n',
    '/opt/app/plain': '#!/usr/local/bin/probe',
    '/opt/app/nested': '#!/opt/app/words three\n',
    '/opt/app/by-env': '#!/usr/bin/env probe\n',
    '/opt/app/lost': '#!/usr/bin/nowhere\n',
    '/opt/app/windows': '#!/bin/sh\r\necho\r\n',
    '/opt/app/no-format': 'echo no interpreter\n',
  };
  await stageTexts(root, scripts);
  for (const path of Object.keys(scripts)) await chmod(join(root, path), 0o755);
  await stageTexts(root, { '/opt/plain-file/probe': 'not a program\n', '/work/file': 'not a directory\n' });
  await stageDirectories(root, [
    '/opt/shadow/probe',
    '/work/dir',
    '/home/app',
    '/tmp',
    '/proc',
    '/sys',
    '/dev',
  ]);
  await stageLinks(root, {
    '/usr/local/bin/absolute-link': '/opt/app/bin/probe',
    '/usr/local/bin/relative-link': '../../../opt/app/bin/probe',
    '/usr/local/bin/script-link': '/srv/current/run.sh',
    '/usr/local/bin/dangling-link': '/nowhere/probe',
    '/srv/current': '/opt/app',
    '/srv/again': 'current',
    '/work/link': 'dir',
    '/work/absolute': '/work/link',
  });
  return packLayer(root);
}

async function makeBusybox(root: string): Promise<string> {
  const busybox = (await runTool('sh', ['-c', 'command -v busybox'])).trim();
  await stageFile(root, busybox, '/bin/busybox');
  await stageLinks(root, {
    '/bin/sh': 'busybox',
    '/bin/env': '/bin/busybox',
    '/bin/echo': 'busybox',
    '/usr/bin/env': '../../bin/env',
  });
  return packLayer(root);
}

async function makeDebian(root: string, stage: string): Promise<string> {
  await stageDirectories(root, ['/usr/lib', '/usr/lib64', '/usr/bin', '/usr/sbin', '/etc/ld.so.conf.d']);
  await stageLinks(root, {
    '/bin': 'usr/bin',
    '/lib': 'usr/lib',
    '/lib64': 'usr/lib64',
    '/sbin': 'usr/sbin',
    '/usr/bin/sh': 'dash',
  });
  const programs = ['/usr/bin/dash', '/usr/bin/bash', '/usr/bin/env'];
  for (const program of programs) await stageFile(root, program, program);
  await compileProbe('cc', [], join(stage, 'dynamic-probe'));
  await stageFile(root, join(stage, 'dynamic-probe'), '/usr/bin/dynamic-probe');
  await stageLibraries(root, [...programs, join(stage, 'dynamic-probe')]);
  await stageTexts(root, {
    '/etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
    '/etc/ld.so.conf.d/x86_64-linux-gnu.conf': '# Multiarch support\n/usr/lib/x86_64-linux-gnu\n',
  });
  return packLayer(root);
}

async function makeMusl(root: string, stage: string): Promise<string> {
  const interpreter = '/lib/ld-musl-x86_64.so.1';
  await stageFile(root, interpreter, interpreter);
  await compileProbe('musl-gcc', [], join(stage, 'musl-probe'));
  await stageFile(root, join(stage, 'musl-probe'), '/usr/bin/musl-probe');
  return packLayer(root);
}

async function compileProbe(compiler: string, flags: readonly string[], output: string): Promise<void> {
  await writeFile(`${output}.c`, probeSource);
  await runTool(compiler, ['-O1', '-s', ...flags, '-o', output, `${output}.c`]);
}

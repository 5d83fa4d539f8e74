import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/image/config.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, type Wishes } from '../support/graminized/graminized.ts';

async function places(wishes: Wishes = {}, run: RunConfig = {}) {
  const links = [
    ['var/log/app/log', { link: '/dev/stdout' }],
    ['dev/stdout', { link: '/proc/self/fd/1' }],
    ['tmp/log', { link: '/dev/stdout' }],
  ] as const;
  const app = await appImage([[staticProgram(), ['var/www/a', 'a'], ['var/www/b', 'b'], ...links]], {
    Cmd: ['/app'],
    ...run,
  });
  const { writePlaces, applicationData } = await graminizeApp(app, wishes);
  return [...writePlaces.map(({ path }) => path), ...applicationData.map(({ place }) => place)];
}

describe('undecided places', () => {
  it('are those that neither Gramine nor a tmpfs by default decides', async () => {
    expect(await places()).toEqual(['/var/log/app', '/var/www']);
  });

  it('are not VOLUMEs, about which there are their own notes', async () => {
    expect(await places({}, { Volumes: { '/var/log': {} } })).toEqual(['/var/www']);
  });

  it.each([
    ['a tmpfs', '[[fs.mounts]]\ntype = "tmpfs"\npath = "/var/log"', ['/var/www']],
    ['an encrypted mount', '[[fs.mounts]]\ntype = "encrypted"\npath = "/var"\nuri = "file:/var"', []],
    ['allowed files', 'sgx.allowed_files = ["file:/var/log/app/", "file:/var/www/"]', []],
    ['trusted files', 'sgx.trusted_files = ["file:/var/www/"]', ['/var/log/app']],
    ['one trusted file of two', 'sgx.trusted_files = ["file:/var/www/a"]', ['/var/log/app', '/var/www']],
  ])('go with a decision of the manifest: %s', async (_, manifest, expected) => {
    expect(await places({ manifest })).toEqual(expected);
  });
});

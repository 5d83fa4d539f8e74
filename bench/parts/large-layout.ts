import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { makeImage } from '../../test/support/images/make-image.ts';
import { writeOciLayout } from '../../test/support/images/oci-layout.ts';
import { largeTar } from './large-tar.ts';

/**
 * An image of 1 GB and 40,000 files in an OCI layout below `directory`, made if it is not there: the large tar with a
 * busybox on top, so that there is something to start. Gives the layout's path.
 */
export async function largeLayout(directory: string): Promise<string> {
  const layout = `${directory}/large`;
  if (existsSync(`${layout}/index.json`)) return layout;
  const busybox = `${directory}/busybox.tar`;
  execFileSync('tar', ['-C', (await makeImage('busybox')).rootfs, '-cf', busybox, '.']);
  const config = { Cmd: ['/bin/busybox', 'true'] };
  await writeOciLayout(layout, [largeTar(), busybox], { config, compression: 'gzip' });
  return layout;
}

import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { makeImage } from '../../test/support/images/make-image.ts';
import { writeOciLayout } from '../../test/support/images/oci-layout.ts';
import { runTool } from '../../test/support/images/run-tool.ts';
import { largeTar } from './large-tar.ts';

export const layerForms = ['plain', 'gzip', 'zstd'] as const;
export type LayerForm = (typeof layerForms)[number];

/** How many layers hold the files, below the one with busybox. */
const layerCount = 4;

/**
 * The image of {@link largeLayout} with its files dealt out to four layers of one size, in OCI layouts below `directory`, one for
 * each form of layers; made if they are not there. Gives the layout's path.
 */
export async function layeredLayout(directory: string, form: LayerForm): Promise<string> {
  const layout = `${directory}/layered-${form}`;
  if (existsSync(`${layout}/index.json`)) return layout;
  rmSync(layout, { recursive: true, force: true });
  if (form === 'zstd') {
    const from = await layeredLayout(directory, 'plain');
    const options = ['--dest-compress-format', 'zstd', '--dest-oci-accept-uncompressed-layers=false'];
    await runTool('skopeo', ['copy', ...options, `oci:${from}:latest`, `oci:${layout}:latest`]);
    return layout;
  }
  const tars = [...dealtOut(directory), busyboxTar((await makeImage('busybox')).rootfs, directory)];
  const config = { Cmd: ['/bin/busybox', 'true'] };
  await writeOciLayout(layout, tars, { config, compression: form === 'gzip' ? 'gzip' : 'none' });
  for (const tar of tars) rmSync(tar);
  return layout;
}

/** Tars of the files of the large tar, every fourth in each. */
function dealtOut(directory: string): readonly string[] {
  const listed = execFileSync('tar', ['--quoting-style=literal', '-tPf', largeTar()], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const names = listed.trimEnd().split('\n');
  return Array.from({ length: layerCount }, (_, layer) => {
    const tar = `${directory}/layer${layer}.tar`;
    const list = `${directory}/layer${layer}.txt`;
    writeFileSync(list, names.filter((_, i) => i % layerCount === layer).join('\n'));
    execFileSync('tar', ['-cf', tar, '--no-recursion', '--verbatim-files-from', '-P', '-T', list]);
    rmSync(list);
    return tar;
  });
}

function busyboxTar(rootfs: string, directory: string): string {
  const tar = `${directory}/busybox.tar`;
  execFileSync('tar', ['-C', rootfs, '-cf', tar, '.']);
  return tar;
}

import { createCipheriv } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { tarEnd, tarHeader, tarPadding } from '../../src/tar/write-tar.ts';
import { writeOciLayout } from '../../test/support/images/oci-layout.ts';

const layerCount = 4;
const filesPerLayer = 50_000;
const filesPerDirectory = 25;
const largestFile = 10_000;

/** Bytes that do not repeat, from which all contents are cut. */
const source = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
  Buffer.alloc(1_000_000),
);

/** An OCI layout of about 1 GB with 200,000 files in four layers that are not compressed, made if it is not there. */
export async function manyFilesLayout(directory: string): Promise<string> {
  const layout = `${directory}/many-files`;
  if (existsSync(`${layout}/index.json`)) return layout;
  rmSync(layout, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const tars = Array.from({ length: layerCount }, (_, layer) => writeTar(directory, layer));
  await writeOciLayout(layout, tars, { config: { Cmd: ['/bin/true'] }, compression: 'none' });
  for (const tar of tars) rmSync(tar);
  return layout;
}

function writeTar(directory: string, layer: number): string {
  const path = `${directory}/many-files-${layer}.tar`;
  const file = openSync(path, 'w');
  const attributes = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
  for (let i = 0; i < filesPerLayer; i++) {
    const sizeBytes = (i * 7919) % largestFile;
    const name = `srv/app/layer-${layer}/package-${Math.floor(i / filesPerDirectory)}/module-${i}.js`;
    writeSync(file, tarHeader({ kind: 'file', name, sizeBytes, ...attributes }));
    writeSync(file, source, (i * 13 + layer) % (source.length - largestFile), sizeBytes);
    writeSync(file, tarPadding(sizeBytes));
  }
  writeSync(file, tarEnd());
  closeSync(file);
  return path;
}

import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from '../images/run-tool.ts';

export interface PackageFacts {
  readonly name: string;
  /** As the format writes it: `1.9-1`, for rpm without the revision. */
  readonly version: string;
  readonly architecture?: string;
  readonly compression?: string;
}

/** Makes a Debian package of a root with dpkg-deb, in a new directory, and gives its path. */
export async function makeDebianPackage(
  root: string,
  directory: string,
  facts: PackageFacts,
): Promise<string> {
  const { name, version, architecture = 'amd64', compression = 'xz' } = facts;
  const stage = join(directory, 'stage');
  mkdirSync(directory, { recursive: true });
  cpSync(root, stage, { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(stage, 'DEBIAN'));
  const fields = {
    Package: name,
    Version: version,
    Architecture: architecture,
    Maintainer: 'x <x@example.com>',
  };
  const control = Object.entries({ ...fields, Description: 'short\n and\n long' }).map(
    ([key, value]) => `${key}: ${value}\n`,
  );
  writeFileSync(join(stage, 'DEBIAN/control'), control.join(''));
  const file = join(directory, `${name}.deb`);
  await runTool('dpkg-deb', [`-Z${compression}`, '--root-owner-group', '--build', stage, file]);
  return file;
}

/** Makes an rpm package of a root with rpmbuild, in a new directory, and gives its path. */
export async function makeRpmPackage(root: string, directory: string, facts: PackageFacts): Promise<string> {
  const { name, version, architecture = 'x86_64', compression = 'w2.xzdio' } = facts;
  mkdirSync(directory, { recursive: true });
  const spec = join(directory, 'package.spec');
  writeFileSync(
    spec,
    [
      ...[
        `Name: ${name}`,
        `Version: ${version}`,
        'Release: 1',
        'Summary: x',
        'License: x',
        'AutoReqProv: no',
      ],
      ...['%global debug_package %{nil}', '%global __os_install_post %{nil}'],
      ...['%description', 'x', '%install', `cp -a ${root}/. %{buildroot}`, '%files', '/*', ''],
    ].join('\n'),
  );
  const macros = { _topdir: directory, _binary_payload: compression, _build_id_links: 'none' };
  const defines = Object.entries(macros).flatMap(([key, value]) => ['--define', `${key} ${value}`]);
  await runTool('rpmbuild', ['-bb', '--target', architecture, ...defines, spec]);
  const folder = join(directory, 'RPMS', architecture);
  const [file = ''] = readdirSync(folder);
  return join(folder, file);
}

import type { Family } from '../version.ts';

export type PackageManager = 'apt' | 'dnf' | 'microdnf' | 'zypper';

/** Whose subscription opens the package sources of a distribution. */
export type Entitlement = 'rhel' | 'sles';

/** A distribution that runtimes are built on, and what the build needs of it. */
export interface Distribution {
  /** The image that a build starts from. */
  readonly image: string;
  /** As the configuration names it: what is put after a configured registry. */
  readonly name: string;
  readonly packageManager: PackageManager;
  /** Names of the distribution's packages. */
  readonly packages: readonly string[];
  /** Requirements for pip: what the distribution does not have, or only older. */
  readonly pythonPackages: readonly string[];
  /** Package sources that are there but switched off. */
  readonly disabledSources: readonly string[];
  /** The package with DCAP's quote verification; installed if the package sources have it. */
  readonly dcapPackage?: string;
  readonly entitlement?: Entitlement;
}

type Row = Omit<Distribution, 'image' | 'name'> & {
  /** As the configuration writes it, for messages and manuals. */
  readonly example: string;
  readonly pattern: RegExp;
  readonly family: Family;
  /** In place of what the configuration says. */
  readonly spelling?: string;
  /** What goes before names with this start: they are not images of Docker Hub. */
  readonly home?: { readonly start: string; readonly before: string };
};

/** Gramine, Documentation/devel/building.rst: "Common dependencies" and those for SGX; cmake is for libcbor. */
const debianPackages = [
  'autoconf',
  'bison',
  'build-essential',
  'ca-certificates',
  'cmake',
  'gawk',
  'git',
  'libprotobuf-c-dev',
  'nasm',
  'ninja-build',
  'pkg-config',
  'protobuf-c-compiler',
  'protobuf-compiler',
  'python3',
  'python3-click',
  'python3-cryptography',
  'python3-jinja2',
  'python3-protobuf',
  'python3-pyelftools',
  'python3-voluptuous',
  'wget',
];

/** Meson and the TOML modules come from these distributions where they are new enough. Gramine needs Meson 0.56. */
const debianPython = ['meson', 'python3-tomli', 'python3-tomli-w'];
const pipPython = ['meson>=0.56,!=1.2.*', 'tomli>=1.1.0', 'tomli-w>=0.4.0'];

/** What rpm distributions call alike. */
const rpmPackages = [
  'autoconf',
  'bison',
  'ca-certificates',
  'cmake',
  'diffutils',
  'findutils',
  'gawk',
  'gcc',
  'gcc-c++',
  'git',
  'glibc-devel',
  'make',
  'nasm',
  'patch',
  'python3',
  'python3-cryptography',
  'python3-pip',
  'python3-protobuf',
  'tar',
  'wget',
  'which',
];
const redhatPackages = [
  ...rpmPackages,
  'kernel-headers',
  'ninja-build',
  'perl-interpreter',
  'pkgconf-pkg-config',
  'protobuf-c-compiler',
  'protobuf-c-devel',
  'protobuf-compiler',
].sort();
const susePackages = [
  ...rpmPackages,
  'libprotobuf-c-devel',
  'linux-glibc-devel',
  'ninja',
  'pkg-config',
  'protobuf-devel',
].sort();

const allPip = [...pipPython, 'click', 'jinja2', 'pyelftools', 'voluptuous'];

const debian = {
  family: 'gramine',
  packageManager: 'apt',
  disabledSources: [],
  dcapPackage: 'libsgx-dcap-quote-verify-dev',
} as const;
const withMeson = { ...debian, packages: [...debianPackages, ...debianPython].sort(), pythonPackages: [] };
const withPip = {
  ...debian,
  packages: [...debianPackages, 'python3-pip'].sort(),
  pythonPackages: pipPython,
};

const redhat = {
  family: 'gramine',
  packages: redhatPackages,
  pythonPackages: allPip,
  dcapPackage: 'libsgx-dcap-quote-verify-devel',
} as const;
/** Red Hat's images carry little; the rest is in the sources that a subscription opens. See `redhatSources`. */
const ubi = { ...redhat, disabledSources: [], entitlement: 'rhel' } as const;

/** Graphene, Documentation/building.rst of v1.1 and v1.2-rc1. */
const graphenePackages = [
  'autoconf',
  'bison',
  'build-essential',
  'ca-certificates',
  'coreutils',
  'gawk',
  'git',
  'libcurl4-openssl-dev',
  'libprotobuf-c-dev',
  'protobuf-c-compiler',
  'python3',
  'python3-pip',
  'wget',
];
const graphene = { family: 'graphene', packageManager: 'apt', disabledSources: [] } as const;

const rows: readonly Row[] = [
  { example: 'ubuntu:20.04', pattern: /^ubuntu:(20\.04|focal)$/, ...withPip },
  { example: 'ubuntu:22.04', pattern: /^ubuntu:(22\.04|jammy)$/, ...withMeson },
  { example: 'ubuntu:24.04', pattern: /^ubuntu:(24\.04|noble)$/, ...withMeson },
  { example: 'debian:11', pattern: /^debian:(11(\.\d+)?|bullseye)(-slim)?$/, ...withPip },
  { example: 'debian:12', pattern: /^debian:(12(\.\d+)?|bookworm)(-slim)?$/, ...withMeson },
  { example: 'debian:13', pattern: /^debian:(13(\.\d+)?|trixie)(-slim)?$/, ...withMeson },
  {
    example: 'quay.io/centos/centos:stream9',
    pattern: /^(quay\.io\/centos\/)?centos:stream9$/,
    home: { start: 'centos', before: 'quay.io/centos/' },
    ...redhat,
    packageManager: 'dnf',
    disabledSources: ['crb'],
  },
  {
    example: 'redhat/ubi9:9.4',
    pattern: /^(redhat\/|registry\.access\.redhat\.com\/)?ubi9(\/ubi)?(:(9|latest)[\w.-]*)?$/,
    home: { start: 'ubi9', before: 'registry.access.redhat.com/' },
    ...ubi,
    packageManager: 'dnf',
  },
  {
    example: 'redhat/ubi9-minimal:9.4',
    pattern:
      /^(redhat\/|registry\.access\.redhat\.com\/)?(ubi9-minimal|ubi9\/ubi-minimal)(:(9|latest)[\w.-]*)?$/,
    home: { start: 'ubi9', before: 'registry.access.redhat.com/' },
    ...ubi,
    packageManager: 'microdnf',
  },
  {
    example: 'registry.suse.com/suse/sle15:15.4',
    pattern: /^(registry\.suse\.com\/suse\/)?sle15(:15\.[0-9]+)?$/,
    home: { start: 'sle15', before: 'registry.suse.com/suse/' },
    family: 'gramine',
    packageManager: 'zypper',
    packages: susePackages,
    pythonPackages: allPip,
    disabledSources: [],
    entitlement: 'sles',
  },
  {
    example: 'ubuntu:16.04',
    // Without the colon: as the GSC of Graphene wrote it.
    pattern: /^ubuntu:?(16\.04|xenial)$/,
    spelling: 'ubuntu:16.04',
    ...graphene,
    packages: graphenePackages,
    // The last releases for its Python 3.5.
    pythonPackages: ['protobuf<3.18', 'toml>=0.10,<0.10.3'],
  },
  {
    example: 'ubuntu:18.04',
    pattern: /^ubuntu:?(18\.04|bionic)$/,
    spelling: 'ubuntu:18.04',
    ...graphene,
    packages: [...graphenePackages, 'python3-protobuf'].sort(),
    pythonPackages: ['toml>=0.10'],
  },
];

/** What is taken where nothing is said, or nothing that is supported. */
export const defaultDistributions: Readonly<Record<Family, string>> = {
  gramine: 'ubuntu:22.04',
  graphene: 'ubuntu:18.04',
};

/** The distributions of a family, as the configuration writes them. */
export function distributionNames(family: Family): readonly string[] {
  return rows.filter((row) => row.family === family).map((row) => row.example);
}

/** The distribution that a name of the configuration means; undefined for all others. */
export function distributionFor(family: Family, name: string): Distribution | undefined {
  const row = rows.find((each) => each.family === family && each.pattern.test(name));
  if (row === undefined) return undefined;
  const { example: _example, pattern: _pattern, family: _family, spelling = name, home, ...facts } = row;
  const before = home && spelling.startsWith(home.start) ? home.before : '';
  return { ...facts, name: spelling, image: `${before}${spelling}` };
}

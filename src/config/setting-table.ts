/** What a configuration may say: a table of tables and texts, two levels deep. */
export interface SettingRow {
  /** `Gramine.Image`. */
  readonly name: string;
  /** For the template and the manual. */
  readonly about: string;
  /** What a value looks like. */
  readonly example: string;
  /** May be a list of texts. */
  readonly isList?: true;
  /** An empty list says something other than no list. */
  readonly mayBeEmpty?: true;
  /** Says how a runtime is built, so that it counts only where one is. */
  readonly isForBuilds?: true;
}

/**
 * All settings, in the order of the template. Those of the Python tool keep their names, so that its files work: GSC of
 * Gramine has Distro, Registry and Gramine, that of Graphene had Distro, Graphene and SGXDriver.
 */
export const settingTable = [
  {
    name: 'Distro',
    about: 'The distribution that a runtime is built on, or auto: that of the app image.',
    example: 'auto',
    isForBuilds: true,
  },
  {
    name: 'Registry',
    about: 'A registry, for the image of that distribution.',
    example: 'registry.example.com',
    isForBuilds: true,
  },
  {
    name: 'Mirror',
    about: "A URL in place of the hosts of the distribution's package sources.",
    example: 'https://mirror.example.com',
    isForBuilds: true,
  },
  {
    name: 'Gramine.Image',
    about:
      'A built runtime: an image, a directory, a .deb or .rpm file, or a list of them. Takes precedence over a repository.',
    example: 'registry.example.com/gramine:1.9',
    isList: true,
  },
  {
    name: 'Gramine.Mirror',
    about: 'Where the default runtime image is fetched from instead of docker.io: HOST[:PORT][/PREFIX].',
    example: 'mirror.example.com',
  },
  {
    name: 'Gramine.Repository',
    about: 'The sources that a runtime is built from.',
    example: 'https://github.com/gramineproject/gramine.git',
  },
  {
    name: 'Gramine.Branch',
    about: 'Their branch, tag or commit.',
    example: 'v1.9',
    isForBuilds: true,
  },
  {
    name: 'Gramine.Subprojects',
    about: 'A directory with the archives that the build of Gramine would download.',
    example: 'subprojects',
    isForBuilds: true,
  },
  {
    name: 'Gramine.Patches',
    about:
      'Changes to the sources before they are built: linear-parse, sha-extensions, paths of diffs; [] for none.',
    example: '[linear-parse, sha-extensions]',
    isList: true,
    mayBeEmpty: true,
    isForBuilds: true,
  },
  {
    name: 'Graphene.Image',
    about: 'A built runtime of Graphene, as Gramine was called until 2021.',
    example: 'registry.example.com/graphene:1.1',
  },
  {
    name: 'Graphene.Repository',
    about: 'The sources of Graphene.',
    example: 'https://github.com/oscarlab/graphene.git',
  },
  { name: 'Graphene.Branch', about: 'Their branch, tag or commit.', example: 'v1.1', isForBuilds: true },
  {
    name: 'Graphene.Subprojects',
    about: 'A directory with the archives that the build of Graphene would download.',
    example: 'subprojects',
    isForBuilds: true,
  },
  {
    name: 'SGXDriver.Repository',
    about: 'The SGX driver whose headers a runtime is built with; without it the kernel has the driver.',
    example: 'https://github.com/intel/linux-sgx-driver.git',
    isForBuilds: true,
  },
  {
    name: 'SGXDriver.Branch',
    about: 'Its branch, tag or commit.',
    example: 'sgx_driver_1.9',
    isForBuilds: true,
  },
] as const satisfies readonly SettingRow[];

export type SettingName = (typeof settingTable)[number]['name'];

/** The names directly below a table: of `Gramine` its keys, of nothing the top level's. Each once. */
export function namesBelow(table: string | undefined): readonly string[] {
  const prefix = table === undefined ? '' : `${table}.`;
  const names = settingTable.flatMap(({ name }) => {
    if (!name.startsWith(prefix)) return [];
    return name.slice(prefix.length).split('.').slice(0, 1);
  });
  return [...new Set(names)];
}

/** The row of a full name; undefined for a table and for what is not a setting. */
export function rowOf(name: string): SettingRow | undefined {
  return settingTable.find((row) => row.name === name);
}

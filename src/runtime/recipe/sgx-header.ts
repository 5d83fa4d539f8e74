/**
 * The kernel's description of its SGX driver for programs, of the first release that has one. Gramine includes it;
 * distributions with an older kernel lack it.
 */
const sgxHeader = {
  url: 'https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/plain/arch/x86/include/uapi/asm/sgx.h?h=v5.11',
  sha256: 'a34a997ade42b61376b1c5d3d50f839fd28f2253fa047cb9c0e68a1b00477956',
};

/** Meson's option for headers that are not the system's. */
const includeOption = (directory: string) => `-Dsgx_driver_include_path=${directory}`;

/** For a driver of before DCAP, which has other calls. Drivers of DCAP from 1.10 on have those of the kernel's. */
const oldDriver = { header: 'sgx_user.h', option: '-Dsgx_driver=oot' };

/**
 * Shell commands that see to the header of the SGX driver: that of an old driver, if one was cloned, else `asm/sgx.h`: the
 * system's, else `sgx.h` among the archives that were given, else the kernel's own repository. The file `options` gets the
 * options for Meson: nothing if the system has it.
 */
export function sgxHeaderCommands(places: {
  readonly archives: string;
  readonly options: string;
  readonly driver?: string;
}): readonly string[] {
  const { driver, options } = places;
  const given = `${places.archives}/sgx.h`;
  const fetched = `wget --quiet --timeout=30 -O /sgx/asm/sgx.h '${sgxHeader.url}'`;
  const branches: readonly (readonly [condition: string, commands: readonly string[]])[] = [
    ...(driver === undefined
      ? []
      : [
          [
            `[ -f ${driver}/${oldDriver.header} ]`,
            [tell(`${oldDriver.option} ${includeOption(driver)}`)],
          ] as const,
        ]),
    [
      String.raw`! printf '#include <asm/sgx.h>\n' | cc -E - >/dev/null 2>&1`,
      [
        'mkdir -p /sgx/asm',
        `if [ -f ${given} ]; then cp ${given} /sgx/asm/sgx.h; else ${fetched}; fi`,
        `echo '${sgxHeader.sha256}  /sgx/asm/sgx.h' | sha256sum --check --quiet`,
        tell(includeOption('/sgx')),
      ],
    ],
  ];
  const lines = branches.map(
    ([condition, commands], index) =>
      `${index === 0 ? 'if' : 'elif'} ${condition}; then ${commands.join(' \\\n    && ')};`,
  );
  return [`: >${options}`, [...lines, 'fi'].join(' \\\n    ')];

  function tell(words: string): string {
    return `echo '${words}' >${options}`;
  }
}

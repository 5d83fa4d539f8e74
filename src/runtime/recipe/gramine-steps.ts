import { cloneStep, driverDirectory, driverStep } from './clone-step.ts';
import { run } from './dockerfile-text.ts';
import { patchSteps } from './patch-steps.ts';
import type { RuntimeBuildSpec, SourceSteps } from './recipe.ts';
import { sgxHeaderCommands } from './sgx-header.ts';

/** Where the Python GSC installs Gramine as well. */
const prefix = '/gramine/meson_build_output';

/** Gramine from 1.0 on. Documentation/devel/building.rst: "Building". */
export function gramineSteps({
  source,
  driver,
  buildType,
  subprojects,
  patches = [],
}: RuntimeBuildSpec): SourceSteps {
  const hasDcap = String.raw`printf '#include <sgx_dcap_quoteverify.h>\n' | cc -E - >/dev/null 2>&1`;
  // Meson looks for a subproject's archive here, by name and hash, before it downloads it.
  const copies = subprojects.length === 0 ? [] : ['COPY subprojects/ /gramine/subprojects/packagecache/'];
  const headerPlaces = {
    archives: '/gramine/subprojects/packagecache',
    options: '/sgx-options',
    ...(driver && { driver: driverDirectory }),
  };
  return {
    installed: prefix,
    instructions: [
      ...cloneStep(source, '/gramine'),
      ...driverStep(driver),
      ...copies,
      ...patchSteps(patches, '/gramine'),
      run(sgxHeaderCommands(headerPlaces)),
      run([
        'cd /gramine',
        `if ${hasDcap}; then dcap=enabled; else dcap=disabled; fi`,
        [
          `meson setup build/ --prefix=${prefix} --buildtype=${buildType}`,
          `-Ddirect=enabled -Dsgx=enabled -Ddcap=$dcap $(cat ${headerPlaces.options})`,
        ].join(' \\\n      '),
        'ninja -C build/',
        'ninja -C build/ install',
      ]),
    ],
  };
}

import { cloneStep, driverDirectory, driverStep } from './clone-step.ts';
import { run } from './dockerfile-text.ts';
import type { RuntimeBuildSpec, SourceSteps } from './recipe.ts';

/** Where the first GSC keeps Graphene: the result is in `/graphene/Runtime`. */
const directory = '/graphene';

/**
 * Graphene v1.1 and v1.2-rc1, which are built with make. Documentation/building.rst. The driver's headers are found
 * through ISGX_DRIVER_PATH; without a driver the kernel's own is meant.
 */
export function grapheneSteps({ source, driver, buildType, subprojects }: RuntimeBuildSpec): SourceSteps {
  const debug = buildType === 'release' ? '' : ' DEBUG=1';
  const make = `make -C ${directory} -s -j"$(nproc)" WERROR=1`;
  return {
    installed: `${directory}/Runtime`,
    instructions: [
      ...driverStep(driver),
      `ENV ISGX_DRIVER_PATH=${driver ? driverDirectory : '""'}`,
      ...cloneStep(source, directory, [
        `if [ -f ${directory}/.gitmodules ]; then git -C ${directory} submodule --quiet update --init; fi`,
      ]),
      // Graphene downloads its C library into the folder that it builds it in.
      ...(subprojects.length === 0 ? [] : [`COPY subprojects/ ${directory}/LibOS/`]),
      run([`${make} SGX=1${debug} </dev/null`, `${make}${debug} </dev/null`]),
    ],
  };
}

import { harmfulHostVariables, hostEnvironment, type LaunchMode, launchArguments } from './launch.ts';

export interface AppLoaderOptions {
  /** `passed`: what follows the script goes to the application (insecure args). `ignored`: the manifest holds argv. */
  readonly commandLineArguments: 'ignored' | 'passed';
}

/**
 * The text of `/gramine/app_files/apploader.sh`, the entrypoint of an image that has /bin/sh: starts the application in
 * an enclave, or without one if GRAMINE_MODE is `direct`; any other value ends with exit code 1 before anything starts.
 * POSIX sh with built-ins only: neither PATH nor any tool of the image is used.
 */
export function appLoaderScript(options: AppLoaderOptions): string {
  const { commandLineArguments } = options;
  return [
    '#!/bin/sh',
    '# Starts the application under Gramine. GRAMINE_MODE=sgx (the default): in an SGX enclave; direct: without one.',
    ...(commandLineArguments === 'ignored' ? ignoreArguments : []),
    `case "\${GRAMINE_MODE:-sgx}" in`,
    'sgx)',
    `  unset ${harmfulHostVariables.join(' ')}`,
    ...Object.entries(hostEnvironment).map(([name, value]) => `  ${name}=${value}; export ${name}`),
    `  ${startCommand('sgx', commandLineArguments)}`,
    '  ;;',
    'direct)',
    `  ${startCommand('direct', commandLineArguments)}`,
    '  ;;',
    '*)',
    '  echo "gsc: GRAMINE_MODE is $GRAMINE_MODE; expected sgx or direct" >&2',
    '  exit 1',
    '  ;;',
    'esac',
    '',
  ].join('\n');
}

/** Lines of a script that say so where arguments do not reach the application. */
export const ignoreArguments: readonly string[] = [
  'if [ "$#" -gt 0 ]; then',
  '  echo "gsc: arguments given at run time are ignored: the trusted ones are in the manifest" >&2',
  'fi',
];

function startCommand(mode: LaunchMode, commandLineArguments: 'ignored' | 'passed'): string {
  const rest = commandLineArguments === 'passed' ? ' "$@"' : '';
  return `exec ${launchArguments(mode).join(' ')}${rest}`;
}

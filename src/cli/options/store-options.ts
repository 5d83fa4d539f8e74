import type { Command } from 'commander';
import { GscError } from '../../base/error.ts';
import { sgxPlatform, showPlatform } from '../../image/descriptor.ts';
import type { RegistryChoices } from '../../store/connections.ts';
import { repeatable } from './repeatable.ts';

/** Options of every command that opens or images images. */
export interface StoreOptions {
  readonly insecureRegistry?: readonly string[];
  readonly caFile?: readonly string[];
  readonly platform?: string;
}

/** Adds the options that say how images are reached. */
export function addStoreOptions(command: Command): Command {
  return command
    .option('--insecure-registry <host>', 'a registry that may speak plain http (repeatable)', repeatable)
    .option('--ca-file <file>', 'certificate authority of a registry, PEM (repeatable)', repeatable)
    .option('--platform <platform>', `only ${showPlatform(sgxPlatform)}: there is no SGX elsewhere`);
}

/** What the options say about registries. Throws a `usage` error for values that could never do what they are meant to. */
export function registryChoices({
  platform,
  insecureRegistry = [],
  caFile = [],
}: StoreOptions): RegistryChoices {
  checkPlatformOption(platform);
  insecureRegistry.forEach(checkRegistryOption);
  return { insecureRegistries: insecureRegistry, caFiles: caFile };
}

function checkPlatformOption(platform: string | undefined): void {
  if (platform === undefined || platform === showPlatform(sgxPlatform)) return;
  throw new GscError({
    code: 'usage',
    subject: '--platform',
    message: `expected ${showPlatform(sgxPlatform)}, got ${platform}: SGX is a feature of x86-64 processors, and Gramine runs on Linux`,
    hint: 'leave the option out',
  });
}

const hostPattern = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d+)?$/;

/** A host that is written otherwise would never be met, and the option do nothing. */
function checkRegistryOption(text: string): void {
  if (hostPattern.test(text)) return;
  const host = text.replace(/^[a-z]+:\/\//, '').replace(/\/.*$/, '');
  throw new GscError({
    code: 'usage',
    subject: '--insecure-registry',
    message: `expected HOST or HOST:PORT, as in image names, got ${text}`,
    hint: `write it as ${hostPattern.test(host) ? host : 'localhost:5000'}`,
  });
}

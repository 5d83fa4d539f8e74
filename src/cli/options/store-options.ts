import type { Command } from 'commander';
import { GscError } from '../../base/error.ts';
import { normalPlatform, sgxPlatform, showPlatform } from '../../image/descriptor.ts';
import { runsOnSgx } from '../../image/select-platform.ts';
import type { Platform, StoreChoices } from '../../index.ts';
import { repeatable } from './repeatable.ts';

/** Options of every command that opens or stores images. */
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
    .option(
      '--platform <platform>',
      `${showPlatform(sgxPlatform)}, or a level of it: ${showPlatform(sgxPlatform)}/v3; there is no SGX elsewhere`,
    );
}

/** What the options say about places of images. Throws a `usage` error for values that could never do what they are meant to. */
export function storeChoices({ platform, insecureRegistry = [], caFile = [] }: StoreOptions): StoreChoices {
  insecureRegistry.forEach(checkRegistryOption);
  return { insecureRegistries: insecureRegistry, caFiles: caFile, platform: platformOf(platform) };
}

/**
 * The platform that `--platform` names: `linux/amd64` or a level of it, `x86_64` being another word for it; an architecture
 * alone is one of Linux, as for containerd. Throws a `usage` error.
 */
export function platformOf(text: string | undefined): Platform {
  if (text === undefined) return sgxPlatform;
  const words = text.includes('/') ? text : `${sgxPlatform.os}/${text}`;
  const [os = '', architecture = '', variant, ...more] = words.split('/');
  const platform = normalPlatform({ os, architecture, ...(variant !== undefined && { variant }) });
  if (runsOnSgx(platform) && /^v[234]$/.test(platform.variant ?? 'v2') && more.length === 0) return platform;
  const shown = showPlatform(sgxPlatform);
  throw new GscError({
    code: 'usage',
    subject: '--platform',
    message: `expected ${shown}, ${shown}/v2, /v3 or /v4, got ${text || 'nothing'}: SGX is a feature of x86-64 processors, and Gramine runs on Linux`,
    hint: 'remove the option',
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

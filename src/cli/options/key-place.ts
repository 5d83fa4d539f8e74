import { join } from 'node:path';
import { GscError } from '../../base/error.ts';
import type { CommandLineHost } from '../terminal/console.ts';

/** Where Gramine's own tools keep the signing key: below `$XDG_CONFIG_HOME`, else `~/.config`. */
export function defaultKeyPath(host: CommandLineHost): string {
  const { XDG_CONFIG_HOME: configHome, HOME: home } = host.environment;
  if (configHome) return join(configHome, 'gramine', 'enclave-key.pem');
  if (home) return join(home, '.config', 'gramine', 'enclave-key.pem');
  throw new GscError({
    code: 'usage',
    subject: 'key',
    message: 'no file given, and neither XDG_CONFIG_HOME nor HOME is set',
    hint: 'name the file of the key',
  });
}

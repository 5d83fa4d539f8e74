import { addGenPrivateKey } from './gen-private-key-command.ts';
import { addManifestCheck } from './manifest-check-command.ts';
import type { AddCommand } from './program.ts';
import { addSgxSign } from './sgx-sign-command.ts';
import { addSigstructView } from './sigstruct-view-command.ts';

/** All commands, in the order of the help. */
export const commands: readonly AddCommand[] = [
  addSgxSign,
  addSigstructView,
  addManifestCheck,
  addGenPrivateKey,
];

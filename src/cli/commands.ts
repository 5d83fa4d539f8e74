import { addGenPrivateKey } from './gen-private-key-command.ts';
import type { AddCommand } from './program.ts';
import { addSigstructView } from './sigstruct-view-command.ts';

/** All commands, in the order of the help. */
export const commands: readonly AddCommand[] = [addSigstructView, addGenPrivateKey];

import { addBuild } from './build-command.ts';
import { addBuildGramine } from './build-gramine-command.ts';
import { addCache } from './cache-command.ts';
import { addConfig } from './config-command.ts';
import { addExplain } from './explain-command.ts';
import { addGenPrivateKey } from './gen-private-key-command.ts';
import { addInfoImage } from './info-image-command.ts';
import { addInit } from './init-command.ts';
import { addManifestCheck } from './manifest-check-command.ts';
import type { AddCommand } from './program.ts';
import { addSgxSign } from './sgx-sign-command.ts';
import { addSignImage } from './sign-image-command.ts';
import { addSigstructView } from './sigstruct-view-command.ts';
import { addTrace } from './trace-command.ts';

/** All commands, in the order of the help. */
export const commands: readonly AddCommand[] = [
  addBuild,
  addSignImage,
  addInfoImage,
  addBuildGramine,
  addExplain,
  addTrace,
  addGenPrivateKey,
  addSgxSign,
  addSigstructView,
  addInit,
  addManifestCheck,
  addConfig,
  addCache,
];

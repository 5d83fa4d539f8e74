import { addAttestBuild } from './commands/attest-build-command.ts';
import { addAttest } from './commands/attest-command.ts';
import { addBuild } from './commands/build-command.ts';
import { addBuildGramine } from './commands/build-gramine-command.ts';
import { addCache } from './commands/cache-command.ts';
import { addCollateral } from './commands/collateral-command.ts';
import { addCompletion } from './commands/completion-command.ts';
import { addConfig } from './commands/config-command.ts';
import { addEvidence } from './commands/evidence-command.ts';
import { addExplain } from './commands/explain-command.ts';
import { addGenPrivateKey } from './commands/gen-private-key-command.ts';
import { addInfoImage } from './commands/info-image-command.ts';
import { addInit } from './commands/init-command.ts';
import { addKey } from './commands/key-command.ts';
import { addManifestCheck } from './commands/manifest-check-command.ts';
import { addMigrateManifest } from './commands/migrate-manifest-command.ts';
import { addSecrets } from './commands/secrets-command.ts';
import { addSgxSign } from './commands/sgx-sign-command.ts';
import { addSignImage } from './commands/sign-image-command.ts';
import { addSignPrepared } from './commands/sign-prepared-command.ts';
import { addSigstructView } from './commands/sigstruct-view-command.ts';
import { addTrace } from './commands/trace-command.ts';
import type { AddCommand } from './options/command-context.ts';

/** All commands, in the order of the help. */
export const commands: readonly AddCommand[] = [
  addBuild,
  addSignImage,
  addSignPrepared,
  addInfoImage,
  addAttestBuild,
  addEvidence,
  addAttest,
  addCollateral,
  addSecrets,
  addBuildGramine,
  addExplain,
  addTrace,
  addGenPrivateKey,
  addKey,
  addSgxSign,
  addSigstructView,
  addInit,
  addManifestCheck,
  addMigrateManifest,
  addConfig,
  addCache,
  addCompletion,
];

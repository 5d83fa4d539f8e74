import type { ImagePath } from '../base/image-path.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { decideAccess, type ManifestNames } from '../manifest/files/access-decision.ts';
import { predictStartSeconds } from '../manifest/start-time.ts';
import { isTable, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { linearParse } from '../runtime/patch-marks.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import { asksForLanguage, languageVariables, type TrustLevel } from '../trust/trust-level.ts';
import type { TrustedSelection } from '../trust/trusted-files.ts';
import type { GraminizeContext } from './graminize-context.ts';

/** What a list of trusted files costs at the start of every process. */
export interface StartCost {
  readonly trustedFileCount: number;
  /** With the runtime of the build: on a fast machine, and on a slow one. */
  readonly predictedSeconds: number;
  readonly predictedMaximumSeconds: number;
  /** With a runtime that parses in linear time: the most that it may take. */
  readonly linearMaximumSeconds: number;
}

/** The cost of each level of trust, and of a traced list where the build has one. */
export type StartCosts = Readonly<Record<TrustLevel, StartCost>> & { readonly traced?: StartCost };

type Chosen = Pick<TrustedSelection, 'trusted'>;

/** The trusted files that the levels choose, those of the build, and the changes that its runtime was built with. */
export interface CostedSelections extends Pick<GraminizeContext, 'selections'> {
  readonly selection: Chosen;
  readonly runtime: Pick<Runtime, 'patches'>;
}

/**
 * What the levels cost one build: its own as its complete manifest has it, the others as they would be with the same manifest
 * and options.
 */
export function startCosts(
  { selections, selection: chosen, runtime }: CostedSelections,
  { names, trustedFileCount: count }: CompleteManifest,
): StartCosts {
  const isLinear = runtime.patches.includes(linearParse);
  const costOf = (selection: TrustedSelection): StartCost => {
    const fewer = missingIn(selection, chosen).filter((path) => names.trusted.has(path));
    const more = missingIn(chosen, selection).filter((path) => isReachable(names, path));
    return startCost(count - fewer.length + more.length, isLinear);
  };
  const { full, lean, traced } = selections;
  return { full: costOf(full), lean: costOf(lean), ...(traced && { traced: costOf(traced) }) };
}

/** True if programs may be asked for another language than their own: by the image, or by a manifest or the host. */
export function mayUseTranslations({ environment }: ContainerProcess, user: TomlTable | undefined): boolean {
  const loader = user && valueAt(user, ['loader']);
  if (!isTable(loader)) return asksForLanguage(environment);
  const given = loader.get('env');
  const isGiven = isTable(given) && languageVariables.some((name) => given.has(name));
  const isOpen = loader.get('insecure__use_host_env') === true || loader.has('env_src_file');
  return isGiven || isOpen || asksForLanguage(environment);
}

function startCost(trustedFileCount: number, isLinear: boolean): StartCost {
  const { least, most } = predictStartSeconds(trustedFileCount, { isLinear });
  return {
    trustedFileCount,
    predictedSeconds: least,
    predictedMaximumSeconds: most,
    linearMaximumSeconds: predictStartSeconds(trustedFileCount, { isLinear: true }).most,
  };
}

function missingIn(selection: Chosen, other: Chosen): readonly ImagePath[] {
  const there = new Set(selection.trusted.map(({ path }) => path));
  return other.trusted.filter(({ path }) => !there.has(path)).map(({ path }) => path);
}

/** True if an entry for the path would count: nothing of the enclave's own, and nothing that is allowed, is there. */
function isReachable(names: ManifestNames, path: ImagePath): boolean {
  const treatment = decideAccess(names, path);
  const isOnHost = treatment.kind === 'refused' || treatment.kind === 'unchecked';
  return isOnHost && treatment.hostPath === path;
}

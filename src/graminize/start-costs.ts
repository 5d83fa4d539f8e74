import type { ImagePath } from '../base/image-path.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { decideAccess, type ManifestNames } from '../manifest/files/access-decision.ts';
import { predictStartSeconds } from '../manifest/start-time.ts';
import { isTable, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import { asksForLanguage, languageVariables, type TrustLevel } from '../trust/trust-level.ts';
import type { TrustedSelection } from '../trust/trusted-files.ts';
import type { GraminizeContext } from './graminize-context.ts';

/** What a list of trusted files costs at the start of every process. */
export interface StartCost {
  readonly trustedFileCount: number;
  readonly predictedSeconds: number;
}

/** The cost of each level of trust. */
export type StartCosts = Readonly<Record<TrustLevel, StartCost>>;

/**
 * What both levels cost one build: that of the build as its complete manifest has it, the other one as it would be with the same
 * manifest and options.
 */
export function startCosts(
  { selections, trustLevel: level }: GraminizeContext,
  { names, trustedFileCount: count }: CompleteManifest,
): StartCosts {
  const [chosen, other] = level === 'full' ? (['full', 'lean'] as const) : (['lean', 'full'] as const);
  const fewer = missingIn(selections[other], selections[chosen]).filter((path) => names.trusted.has(path));
  const more = missingIn(selections[chosen], selections[other]).filter((path) => isReachable(names, path));
  const otherCost = costOf(count - fewer.length + more.length);
  return level === 'full'
    ? { full: costOf(count), lean: otherCost }
    : { full: otherCost, lean: costOf(count) };
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

function costOf(trustedFileCount: number): StartCost {
  return {
    trustedFileCount,
    predictedSeconds: predictStartSeconds(trustedFileCount, { form: 'blocks' }),
  };
}

function missingIn(selection: TrustedSelection, other: TrustedSelection): readonly ImagePath[] {
  const there = new Set(selection.trusted.map(({ path }) => path));
  return other.trusted.filter(({ path }) => !there.has(path)).map(({ path }) => path);
}

/** True if an entry for the path would count: nothing of the enclave's own, and nothing that is allowed, lies there. */
function isReachable(names: ManifestNames, path: ImagePath): boolean {
  const treatment = decideAccess(names, path);
  const isOnHost = treatment.kind === 'refused' || treatment.kind === 'unchecked';
  return isOnHost && treatment.hostPath === path;
}

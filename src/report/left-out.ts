import { type ImagePath, showBytes } from '../base/image-path.ts';
import { startCosts } from '../graminize/start-costs.ts';
import { patchesOf } from '../image/labels.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import type { ExcludedFile } from '../trust/classify-paths.ts';
import type { TrustLevel } from '../trust/trust-level.ts';
import type { TrustedFile } from '../trust/trusted-files.ts';
import type { GraminizedImage } from '../verify/graminized-image.ts';
import type { FileSum, MappedFile } from './file-map.ts';
import { type NotedSelections, notedSelections } from './noted-selection.ts';

/** Files that one rule leaves out. */
export interface LeftOutRow extends FileSum {
  readonly rule: string;
  readonly reason: string;
}

/** What a list of trusted files costs at the start of every process. */
export interface LevelRow {
  readonly level: TrustLevel | 'traced';
  /** True of the list that the image has. */
  readonly isOwn: boolean;
  readonly trustedFileCount: number;
  /** Seconds, on a fast machine and on a slow one. */
  readonly least: number;
  readonly most: number;
  /** At most, with a runtime that parses in linear time. */
  readonly linearMost: number;
}

/** How the trusted files of an image were chosen. */
export interface SelectionReport {
  /** `traced`: a profile decided. */
  readonly level: TrustLevel | 'traced';
  /** The options of the build are those that the image has noted; else the reasons are those of the default rules. */
  readonly isNoted: boolean;
  readonly leftOut: readonly LeftOutRow[];
  readonly levels: readonly LevelRow[];
}

/** Says why files are left out, and what the levels of trust would cost, by the options that the build has noted. */
export function selectionReport(
  image: GraminizedImage,
  manifest: CompleteManifest,
  files: readonly MappedFile[],
): SelectionReport {
  const noted = notedSelections(image, manifest.root);
  const level = noted.options?.profile === undefined ? (noted.options?.trustLevel ?? 'full') : 'traced';
  return {
    level,
    isNoted: noted.options !== undefined,
    leftOut: leftOutRows(files, reasonsOf(noted, level)),
    levels: levelRows(image, manifest, { noted, level }),
  };
}

type Reason = Pick<LeftOutRow, 'rule' | 'reason'>;

const notTraced: Reason = { rule: 'profile', reason: 'it was not opened when the profile was made' };
const notListed: Reason = { rule: 'manifest', reason: 'the manifest does not list it' };

function reasonsOf(
  { selections }: NotedSelections,
  level: SelectionReport['level'],
): (file: MappedFile) => Reason {
  const { excluded } = selections[level === 'traced' ? 'full' : level];
  const byPath = new Map<ImagePath, ExcludedFile>(excluded.map((file) => [file.path, file]));
  return ({ path, access }) => {
    const rule = byPath.get(path);
    if (rule) return { rule: ruleOf(rule), reason: rule.reason };
    if (access.kind === 'storage')
      return {
        rule: showBytes(access.mount.at),
        reason: `hidden by a mount of the type ${access.mount.type}`,
      };
    if (access.kind === 'emulated') return { rule: showBytes(access.place), reason: 'Gramine has its own' };
    return level === 'traced' ? notTraced : notListed;
  };
}

/** The many rules of a level have a reason in common. */
function ruleOf({ origin, rule }: ExcludedFile): string {
  switch (origin) {
    case 'level':
      return '--trust-level lean';
    case 'option':
      return `--exclude ${showBytes(rule)}`;
    default:
      return showBytes(rule);
  }
}

function leftOutRows(
  files: readonly MappedFile[],
  reasonOf: (file: MappedFile) => Reason,
): readonly LeftOutRow[] {
  const rows = new Map<string, LeftOutRow>();
  for (const file of files) {
    if (file.state !== 'left-out') continue;
    const { rule, reason } = reasonOf(file);
    const key = `${rule}\n${reason}`;
    const { count, sizeBytes } = rows.get(key) ?? { count: 0, sizeBytes: 0 };
    rows.set(key, { rule, reason, count: count + 1, sizeBytes: sizeBytes + file.sizeBytes });
  }
  return [...rows.values()].sort((a, b) => b.sizeBytes - a.sizeBytes || (a.rule < b.rule ? -1 : 1));
}

function levelRows(
  { labels: found }: GraminizedImage,
  manifest: CompleteManifest,
  { noted, level: own }: { readonly noted: NotedSelections; readonly level: SelectionReport['level'] },
): readonly LevelRow[] {
  const { full, lean } = noted.selections;
  const listed = (file: TrustedFile) => manifest.names.trusted.has(file.path);
  const chosen = { trusted: full.trusted.filter(listed) };
  const selections = own === 'traced' ? { full, lean, traced: { ...full, ...chosen } } : { full, lean };
  const costs = startCosts(
    { selections, selection: chosen, runtime: { patches: patchesOf(found) } },
    manifest,
  );
  return (['full', 'lean', 'traced'] as const).flatMap((level) => {
    const cost = costs[level];
    if (cost === undefined) return [];
    const { trustedFileCount, predictedSeconds, predictedMaximumSeconds, linearMaximumSeconds } = cost;
    const seconds = {
      least: predictedSeconds,
      most: predictedMaximumSeconds,
      linearMost: linearMaximumSeconds,
    };
    return [{ level, isOwn: level === own, trustedFileCount, ...seconds }];
  });
}

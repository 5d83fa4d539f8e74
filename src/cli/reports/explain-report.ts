import { type ImagePath, showBytes } from '../../base/image-path.ts';
import { showCount, showCounted, showSize } from '../../base/show-size.ts';
import type {
  KnownExclusion,
  LibraryDataRole,
  PathExplanation,
  PathFinding,
  ProfileBasis,
  Verdict,
} from '../../index.ts';

/** The image of an explanation: its layers, and what its runtime is called. */
export interface ExplainedImage {
  readonly layerCount: number;
  readonly runtimeName: string;
}

/** An explanation as a headline and lines of facts, each ended by a newline. */
export function explanationText(
  explanation: PathExplanation,
  { layerCount, runtimeName }: ExplainedImage,
): string {
  const { path, verdict, through, linkTarget, finding } = explanation;
  const facts: [label: string, text: string][] = [...verdictFacts(explanation, runtimeName)];
  if (through)
    facts.push(['through', `the mount ${showBytes(through.at)}, as ${showBytes(through.hostPath)}`]);
  if (explanation.libraryData)
    facts.push(['serves', libraryDataText(path, explanation.libraryData, runtimeName)]);
  if (linkTarget !== undefined) facts.push(['link', linkText(linkTarget, finding)]);
  else if ('realPath' in finding && finding.realPath !== (through?.hostPath ?? path)) {
    facts.push(['is', showBytes(finding.realPath)]);
  }
  if (finding.kind === 'file') {
    if (finding.unreadable !== undefined && isOpened(verdict))
      facts.push(['but', `${finding.unreadable}, so opening it fails`]);
    const { number, diffId } = finding.layer;
    facts.push([
      'content',
      `${showSize(finding.sizeBytes)} from layer ${number} of ${layerCount}, ${diffId}`,
    ]);
  }
  const lines = facts.map(([label, text]) => `  ${label.padEnd(9)}${text}\n`);
  return `${showBytes(path)}: ${headline(verdict, runtimeName)}\n${lines.join('')}`;
}

function libraryDataText(path: ImagePath, { kind, foundAt }: LibraryDataRole, runtimeName: string): string {
  const how = foundAt === path ? `looks here for its ${kind}` : `finds its ${kind} at ${showBytes(foundAt)}`;
  return `${runtimeName}'s C library, which ${how}`;
}

/** True if the manifest lets programs open what the host has there. */
function isOpened({ kind }: Verdict): boolean {
  return kind === 'trusted' || kind === 'allowed' || kind === 'unchecked';
}

/** The same as plain values. */
export function explanationToJson(explanation: PathExplanation): object {
  const { path, verdict, through, linkTarget, libraryData, finding } = explanation;
  return {
    path: showBytes(path),
    ...verdictToJson(verdict),
    ...(through && { mount: showBytes(through.at), host_path: showBytes(through.hostPath) }),
    ...(linkTarget !== undefined && { link_target: showBytes(linkTarget) }),
    ...(libraryData && {
      library_data: { kind: libraryData.kind, found_at: showBytes(libraryData.foundAt) },
    }),
    in_image: findingToJson(finding),
    ...optionOf(explanation),
  };
}

function headline(verdict: Verdict, runtimeName: string): string {
  switch (verdict.kind) {
    case 'trusted':
      if (verdict.isReplaced) return 'refused: its content is not what the manifest says';
      return verdict.isIntact === false ? 'refused: its content is not what the manifest says' : 'trusted';
    case 'allowed':
      return 'allowed, neither secret nor checked';
    case 'unchecked':
      return 'let through unchecked, with a line in the log';
    case 'storage':
      return storageText(verdict.type);
    case 'emulated':
      return `${runtimeName}'s own`;
    case 'directory':
      return 'a directory';
    case 'refused':
      return 'refused';
    case 'absent':
      return 'absent';
  }
}

function storageText(type: string): string {
  switch (type) {
    case 'tmpfs':
      return 'in the memory of the enclave (tmpfs)';
    case 'encrypted':
      return 'encrypted on the host';
    default:
      return `storage of type ${type}`;
  }
}

function verdictFacts(explanation: PathExplanation, runtimeName: string): [string, string][] {
  const { verdict, finding } = explanation;
  switch (verdict.kind) {
    case 'trusted':
      return [['sha256', verdict.sha256], ...basisFacts(verdict.basis), ...trustFacts(verdict, finding)];
    case 'allowed':
      return [
        ['entry', verdict.entry],
        ...(verdict.isListed ? [fact('but', 'its hash is listed, but not used')] : []),
      ];
    case 'storage':
      return [
        ...(verdict.type === 'encrypted' ? [fact('key', verdict.keyName ?? 'default')] : []),
        ...(verdict.hides ? [fact('hides', 'what the image has there')] : []),
      ];
    case 'emulated':
      return [fact('by', `${showBytes(verdict.place)} of ${runtimeName}`)];
    case 'directory':
      return [fact('below', countsText(verdict))];
    case 'refused':
      return [...refusalFacts(explanation, verdict), ...creationFacts(verdict)];
    case 'unchecked':
      return [fact('because', 'sgx.file_check_policy is allow_all_but_log')];
    case 'absent':
      return [
        fact('because', `the image has nothing there: ${obstacleText(finding)}`),
        ...creationFacts(verdict),
      ];
  }
}

function creationFacts({ canBeCreated }: { readonly canBeCreated?: true }): readonly [string, string][] {
  return canBeCreated
    ? [fact('but', 'a program can create it, unprotected: sgx.allow_file_creation is on')]
    : [];
}

function basisFacts(basis: ProfileBasis | undefined): readonly [string, string][] {
  switch (basis?.kind) {
    case 'traced': {
      const counts = [...basis.byProgram].map(([program, count]) => `${program} (${showCount(count)})`);
      return [fact('traced', counts.length > 0 ? `opened by ${counts.join(', ')}` : 'the profile names it')];
    }
    case 'guarded':
      return [fact('guarded', basis.reason)];
    case 'required':
      return [fact('because', 'an option, or starting the application, asks for it')];
    case undefined:
      return [];
  }
}

function trustFacts(
  { isIntact, isReplaced }: Extract<Verdict, { kind: 'trusted' }>,
  finding: PathFinding,
): readonly [string, string][] {
  if (isReplaced) return [fact('but', 'the engine puts its own file there')];
  if (isIntact === undefined) return [fact('but', 'the image has no such file')];
  return isIntact || finding.kind !== 'file' ? [] : [fact('but', `the image has ${finding.sha256}`)];
}

function refusalFacts(
  explanation: PathExplanation,
  { exclusion, trustedAs }: Extract<Verdict, { kind: 'refused' }>,
): [string, string][] {
  const { option } = optionOf(explanation);
  return [
    fact('because', exclusion ? exclusionText(exclusion) : reasonWithoutRule(explanation)),
    ...(trustedAs === undefined ? [] : [fact('but', `it is trusted under the name ${showBytes(trustedAs)}`)]),
    ...(option === undefined ? [] : [fact('option', option)]),
  ];
}

function exclusionText({ rule, reason, origin, isCertain }: KnownExclusion): string {
  if (origin === 'link' || origin === 'name' || origin === 'runtime') return reason;
  if (origin === 'profile') return `left out: the profile ${showBytes(rule)} does not have it: ${reason}`;
  const whole =
    origin === 'level' ? `the level lean leaves out ${showBytes(rule)}` : `the rule ${showBytes(rule)}`;
  const text = `${whole}: ${reason}`;
  return isCertain ? text : `the manifest does not list it; by default, ${text}`;
}

function reasonWithoutRule({ finding, linkTarget }: PathExplanation): string {
  if (finding.kind === 'special') return `it is a ${finding.type}`;
  return linkTarget !== undefined && finding.kind === 'nothing'
    ? 'the manifest does not list it, and in the image the link leads nowhere'
    : 'the manifest does not list it';
}

/** The option of a build that would change the verdict. */
function optionOf({ path, verdict, finding }: PathExplanation): { readonly option?: string } {
  if (verdict.kind !== 'refused' || finding.kind !== 'file') return {};
  const { exclusion, link } = verdict;
  if (link !== undefined && exclusion?.origin !== 'option') return { option: `--trust ${showBytes(link)}` };
  if (exclusion?.origin === 'name' || exclusion?.origin === 'runtime') return {};
  const trust = `--trust ${showBytes(finding.realPath)}`;
  if (exclusion?.origin === 'option') return { option: `--exclude ${showBytes(exclusion.rule)}` };
  if (exclusion?.origin === 'profile')
    return { option: `gsc trace --add ${showBytes(exclusion.rule)}, a line in it, or ${trust}` };
  if (exclusion?.origin === 'level') return { option: `${trust} or --trust-level full` };
  return path === finding.realPath || exclusion ? { option: trust } : {};
}

function countsText({ counts }: Extract<Verdict, { kind: 'directory' }>): string {
  const parts = [
    `${showCounted(counts.trusted, 'file')} trusted`,
    ...(counts.allowed > 0 ? [`${showCount(counts.allowed)} allowed`] : []),
    ...(counts.unchecked > 0 ? [`${showCount(counts.unchecked)} unchecked`] : []),
    ...(counts.refused > 0 ? [`${showCount(counts.refused)} refused`] : []),
    ...(counts.storage > 0 ? [`${showCount(counts.storage)} hidden by mounts`] : []),
  ];
  return parts.join(', ');
}

function linkText(target: string, finding: PathFinding): string {
  const place = 'realPath' in finding ? `, which is ${showBytes(finding.realPath)}` : ', which leads nowhere';
  return `to ${showBytes(target)}${place}; programs inside do not see that it is a link`;
}

function obstacleText(finding: PathFinding): string {
  if (finding.kind !== 'nothing') return '';
  const at = showBytes(finding.at);
  switch (finding.obstacle) {
    case 'missing':
      return `there is no ${at}`;
    case 'not-a-directory':
      return `${at} is not a directory`;
    case 'loop':
      return `its links form a loop at ${at}`;
  }
}

function verdictToJson(verdict: Verdict): object {
  switch (verdict.kind) {
    case 'trusted':
      return {
        verdict: 'trusted',
        sha256: verdict.sha256,
        intact: verdict.isReplaced ? false : (verdict.isIntact ?? null),
        ...(verdict.basis && { basis: basisToJson(verdict.basis) }),
      };
    case 'allowed':
      return { verdict: 'allowed', entry: verdict.entry, listed: verdict.isListed };
    case 'unchecked':
      return { verdict: verdict.kind };
    case 'absent':
      return { verdict: verdict.kind, can_be_created: verdict.canBeCreated };
    case 'storage':
      return { verdict: verdict.type, key_name: verdict.keyName, hides: verdict.hides };
    case 'emulated':
      return { verdict: 'emulated', place: showBytes(verdict.place) };
    case 'directory':
      return { verdict: 'directory', files: verdict.counts };
    case 'refused':
      return {
        verdict: 'refused',
        can_be_created: verdict.canBeCreated,
        rule: verdict.exclusion && showBytes(verdict.exclusion.rule),
        reason: verdict.exclusion?.reason,
        rule_is_default: verdict.exclusion && !verdict.exclusion.isCertain,
        trusted_as: verdict.trustedAs && showBytes(verdict.trustedAs),
      };
  }
}

function basisToJson(basis: ProfileBasis): object {
  return {
    kind: basis.kind,
    ...(basis.kind === 'guarded' && { reason: basis.reason }),
    ...(basis.kind === 'traced' && { opened_by: Object.fromEntries(basis.byProgram) }),
  };
}

function findingToJson(finding: PathFinding): object {
  switch (finding.kind) {
    case 'file':
      return {
        kind: 'file',
        path: showBytes(finding.realPath),
        sha256: finding.sha256,
        size: finding.sizeBytes,
        readable: finding.unreadable === undefined,
        layer: { number: finding.layer.number, diff_id: finding.layer.diffId },
      };
    case 'directory':
    case 'special':
      return { kind: finding.kind, path: showBytes(finding.realPath) };
    case 'nothing':
      return { kind: 'nothing', obstacle: finding.obstacle, at: showBytes(finding.at) };
  }
}

function fact(label: string, text: string): [string, string] {
  return [label, text];
}

import { baseNameOf, showBytes } from '../../base/image-path.ts';
import { showCount, showCounted, showSeconds, showSecondsRange, showSize } from '../../base/show-size.ts';
import type {
  ApplicationData,
  DataSign,
  ExclusionCount,
  Graminized,
  StartCost,
  WritePlace,
} from '../../index.ts';
import { showWriteSign } from '../../parts.ts';
import type { Transcript } from './transcript.ts';

/** What the rules left out, a line each; those of the level of trust together by their reason. */
export function sayExclusions(console: Transcript, exclusions: readonly ExclusionCount[]): void {
  const lines = new Map<string, ExclusionCount>();
  for (const each of exclusions) {
    const name = each.origin === 'level' ? 'lean' : showBytes(each.rule);
    const key = `${name} ${each.reason}`;
    const sum = lines.get(key) ?? { ...each, rule: name, count: 0, sizeBytes: 0 };
    lines.set(key, {
      ...sum,
      count: sum.count + each.count,
      sizeBytes: sum.sizeBytes + each.sizeBytes,
    });
  }
  for (const { rule, reason, count, sizeBytes } of lines.values())
    console.say(`    ${showCount(count).padStart(7)}  ${rule} (${showSize(sizeBytes)}): ${reason}`);
}

/** What the list of trusted files costs, and what the other level of trust would. */
export function sayStartCosts(console: Transcript, { startCosts, trustLevel }: Graminized): void {
  const level = startCosts.traced ? 'traced' : trustLevel;
  const other = level === 'full' ? 'lean' : 'full';
  const [own, alternative] = [startCosts[level] ?? startCosts[trustLevel], startCosts[other]];
  const compared =
    own.trustedFileCount === alternative.trustedFileCount
      ? ''
      : `; with --trust-level ${other}: ${showCounted(alternative.trustedFileCount, 'trusted file')}, ${showRange(alternative)}`;
  const built =
    showRange(own) === showLinear(own) ? '' : `; with a runtime of gsc build-gramine: ${showLinear(own)}`;
  console.say(
    `  start-up       ${showRange(own)} to parse the manifest, at the start of every process (predicted)${compared}${built}`,
  );
}

function showRange({ predictedSeconds, predictedMaximumSeconds }: StartCost): string {
  return showSecondsRange(predictedSeconds, predictedMaximumSeconds);
}

function showLinear({ linearMaximumSeconds }: StartCost): string {
  return showSeconds(linearMaximumSeconds);
}

/** The places about which the user should decide something, each list with the option that does. */
export function sayUndecidedPlaces(console: Transcript, { writePlaces, applicationData }: Graminized): void {
  console.list(
    'programs may want to write here but cannot; decide with --volume PATH=tmpfs, =encrypted[:KEYNAME] or =allowed',
    writePlaces.map(writeLine),
  );
  console.list(
    "left out, but looks like the application's own; --trust PATH trusts it",
    applicationData.map(dataLine),
  );
  for (const place of writePlaces) if (place.streamLinks.length > 0) console.warn(streamWarning(place));
  for (const data of applicationData) {
    const sign = data.signs.find(({ kind }) => kind === 'argument' || kind === 'working-directory');
    if (sign === undefined) continue;
    const place = showBytes(data.place);
    console.warn(`${place} is left out, but ${showSign(sign)} is there: trust it with --trust ${place}`);
  }
}

/** The same as plain values, for `--json`. */
export function placesToJson({ writePlaces, applicationData, trustLevel, startCosts }: Graminized): object {
  return {
    trust_level: trustLevel,
    start_costs: Object.fromEntries(
      Object.entries(startCosts).map(([level, cost]) => [
        level,
        {
          trusted_files: cost.trustedFileCount,
          predicted_seconds: Number(cost.predictedSeconds.toFixed(3)),
          predicted_seconds_at_most: Number(cost.predictedMaximumSeconds.toFixed(3)),
        },
      ]),
    ),
    write_places: writePlaces.map((place) => ({
      path: showBytes(place.path),
      sign: place.sign,
      uid: place.uid,
      gid: place.gid,
      files: place.fileCount,
      trusted_files: place.trustedCount,
      stream_links: place.streamLinks.map(({ path, target }) => ({
        path: showBytes(path),
        target: showBytes(target),
      })),
      option: '--volume',
    })),
    application_data: applicationData.map(({ place, signs, fileCount, sizeBytes }) => ({
      path: showBytes(place),
      signs: signs.map(showSign),
      files: fileCount,
      size: sizeBytes,
      option: '--trust',
    })),
  };
}

function writeLine(place: WritePlace): string {
  const holds =
    place.trustedCount > 0
      ? `; holds ${showCounted(place.trustedCount, 'trusted file')}, which a volume would hide: let programs write elsewhere`
      : place.fileCount > 0
        ? `; holds ${showCounted(place.fileCount, 'file')}, which only =allowed shows`
        : '';
  return `${showBytes(place.path)}: ${showWriteSign(place)}${holds}`;
}

function streamWarning({ path, streamLinks }: WritePlace): string {
  const links = streamLinks.map((link) => `${showBytes(baseNameOf(link.path))} -> ${showBytes(link.target)}`);
  const place = showBytes(path);
  return `${place}: ${links.join(', ')}: opening such a link fails inside; --volume ${place}=tmpfs keeps the log in the enclave, or let the program log to its standard error`;
}

function dataLine({ place, signs, fileCount, sizeBytes }: ApplicationData): string {
  const named = signs.filter(({ kind }) => kind !== 'place').map(showSign);
  const why = named.length > 0 ? `; ${[...new Set(named)].join(', ')}` : '';
  return `${showBytes(place)}: ${showCounted(fileCount, 'file')}, ${showSize(sizeBytes)}${why}`;
}

function showSign(sign: DataSign): string {
  switch (sign.kind) {
    case 'working-directory':
      return 'the working directory';
    case 'argument':
      return `argument ${sign.index}`;
    case 'variable':
      return `the variable ${sign.name}`;
    case 'link':
      return `the link ${showBytes(sign.from)}`;
    case 'target':
      return `a link to ${showBytes(sign.to)}, which is trusted`;
    case 'place':
      return 'the place';
  }
}

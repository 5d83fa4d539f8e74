import { oneLine } from '../../base/printable-text.ts';
import { showCounted, showSize } from '../../base/show-size.ts';
import type { WorkMeter } from './work-meter.ts';

/** What the line is made of; with a higher rank it is left out earlier where the terminal is narrow. */
interface Segment {
  /** Between it and what stands before it. */
  readonly lead: string;
  readonly text: string;
  readonly rank: number;
}

/**
 * How far long work is, in one line of at most `columns` columns: `reading layer 3 of 5: 12.0 MB of 40.0 MB; in all 52.0 MB of 120 MB,
 * 85 MB/s, 1 s left`. `widthOf` tells how many columns a text takes.
 */
export function progressLine(meter: WorkMeter, columns: number, widthOf: (text: string) => number): string {
  let segments = segmentsOf(meter);
  for (;;) {
    const line = segments.map(({ lead, text }, index) => (index === 0 ? text : lead + text)).join('');
    if (widthOf(line) <= columns) return line;
    if (segments.length === 1) return cut(line, columns, widthOf);
    const worst = Math.max(...segments.map(({ rank }) => rank));
    segments = segments.filter(({ rank }) => rank !== worst);
  }
}

function segmentsOf(meter: WorkMeter): readonly Segment[] {
  const { plan, movedBytes, totalBytes, noted: note } = meter;
  const [verb, subject] = [oneLine(plan.verb), oneLine(plan.subject)];
  const doing = note === undefined ? [] : [{ lead: ': ', text: oneLine(note), rank: 1 }];
  if (plan.parts === undefined) return [{ lead: '', text: `${verb} ${subject}`, rank: 0 }, ...doing];
  if (plan.partNoun !== undefined && plan.parts.every(({ sizeBytes }) => sizeBytes === undefined))
    return countedSegments(meter);
  const part = partOf(meter);
  const share = part && plan.parts.length > 1 ? [{ lead: ': ', text: part.share, rank: 4 }] : [];
  return [
    { lead: '', text: `${verb} ${part?.name ?? subject}`, rank: 2 },
    ...share,
    { lead: share.length > 0 ? '; in all ' : ': ', text: showShare(movedBytes, totalBytes), rank: 0 },
    ...rateSegments(meter),
  ];
}

/** Work on many things whose size does not matter. */
function countedSegments({ plan, noted: note, finishedParts }: WorkMeter): readonly Segment[] {
  const whole = `${finishedParts} of ${showCounted(plan.parts?.length ?? 0, plan.partNoun ?? '')}`;
  return [
    { lead: '', text: `${oneLine(plan.verb)} ${oneLine(plan.subject)}`, rank: 2 },
    { lead: ': ', text: whole, rank: 0 },
    ...(note === undefined ? [] : [{ lead: '; ', text: oneLine(note), rank: 3 }]),
  ];
}

function rateSegments({ bytesPerSecond, secondsLeft }: WorkMeter): readonly Segment[] {
  return [
    ...(bytesPerSecond === undefined ? [] : [{ lead: ', ', text: `${showSize(bytesPerSecond)}/s`, rank: 5 }]),
    ...(secondsLeft === undefined
      ? []
      : [{ lead: ', ', text: `${showDuration(secondsLeft)} left`, rank: 3 }]),
  ];
}

function partOf(meter: WorkMeter): { readonly name: string; readonly share: string } | undefined {
  const { plan, current, parts } = meter;
  const part = parts[current];
  if (plan.partNoun === undefined || part === undefined) return undefined;
  return {
    name: `${plan.partNoun} ${current + 1} of ${parts.length}`,
    share: showShare(part.movedBytes, part.sizeBytes),
  };
}

function showShare(movedBytes: number, totalBytes: number | undefined): string {
  return totalBytes === undefined
    ? showSize(movedBytes)
    : `${showSize(movedBytes)} of ${showSize(totalBytes)}`;
}

/** `8 s`, `2 min 5 s`, `1 h 3 min`. */
export function showDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** The beginning of a text, up to whole characters as people see them. */
function cut(text: string, columns: number, widthOf: (text: string) => number): string {
  if (columns <= 0) return '';
  let [shown, width] = ['', 0];
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)) {
    width += widthOf(segment);
    if (width > columns - 1) return `${shown}…`;
    shown += segment;
  }
  return shown;
}

import type { RunConfig } from '../../../src/image/config.ts';
import type { MadeEntry } from '../scan/made-layers.ts';

export const markup = '<img src=x onerror="document.title=1">';
export const rightToLeft = 'gpj\u202eexe.';
export const controls = '\u001b[31mred\u0007';
export const longName = 'n'.repeat(4096);
const script = '</style></code><script>document.title=1</script>';

/** Names and values that would be more than text, if they could; each is in a place that a report shows. */
export const hostileTexts = [
  markup,
  rightToLeft,
  controls,
  script,
  "' onclick='x",
  '&lt;b&gt;',
  '<%= 7*7 %>',
];

/** A path of 4 kB: file systems take no longer ones. */
export const longPath = `/opt/${Array.from({ length: 16 }, (_, index) => `${index}`.padEnd(240, 'p')).join('/')}`;

/** A slash would make two components of a name. */
const named = (text: string) => text.replaceAll('/', '\u2215');

/** A directory for each hostile text, large enough to be seen in the map of the files. */
const hostileFiles: readonly MadeEntry[] = [
  ...hostileTexts.map((text, index): MadeEntry => [`srv/${named(text)}/f`, 'x'.repeat(300_000 + index)]),
  [`var/${named(markup)}/left-out`, 'x'.repeat(400_000)],
  [`${longPath.slice(1)}/file`, 'x'.repeat(200_000)],
];

export const hostileRun: RunConfig = {
  Cmd: ['/app', ...hostileTexts, longName],
  Env: hostileTexts.map((text, index) => `V${index}=${text}\nsecond line`),
  Labels: { 'org.opencontainers.image.base.name': markup, other: script },
  ExposedPorts: { [markup]: {} },
  Volumes: { [`/${rightToLeft}`]: {} },
  StopSignal: markup,
};

export const hostileApp: { readonly entries: readonly MadeEntry[]; readonly run: RunConfig } = {
  entries: hostileFiles,
  run: hostileRun,
};

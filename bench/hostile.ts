/**
 * What hostile images and manifests cost: many of one thing each, n and four times as many. Work that grows with the square
 * of the thing takes sixteen times as long, work that follows its size four times. Processor time is measured, so that a busy
 * machine does not count.
 *
 *   node scripts/bench.mjs hostile            # ends with 1 if anything grows faster than n^1.5
 *   node out/bench/bundles/hostile.mjs mounts         # only what has this word in its name
 */
import { configCases, type HostileCase, layerCases, treeCases } from './parts/hostile-images.ts';
import { manifestCases } from './parts/hostile-manifests.ts';

const defaultCount = 5000;
const factor = 4;
const steepest = 1.5;
/** Below this the start of everything else is all that is seen. */
const leastSeconds = 0.5;

const word = process.argv[2] ?? '';
const groups = { layers: layerCases, trees: treeCases, configs: configCases, manifests: manifestCases };
const steep: string[] = [];

for (const [group, cases] of Object.entries(groups)) {
  const wanted = cases.filter(({ name }) => name.includes(word));
  if (wanted.length > 0) console.log(`\n${group.padEnd(42)}       n  seconds      4n  seconds  grows as`);
  for (const each of wanted) await measure(each);
}
if (steep.length > 0) {
  console.log(`\ntoo steep: ${steep.join(', ')}`);
  process.exitCode = 1;
}

async function measure({ name, make, n = defaultCount }: HostileCase): Promise<void> {
  const few = await secondsOf(make, n);
  const many = await secondsOf(make, factor * n);
  const exponent = Math.log(many / few) / Math.log(factor);
  const isSteep = many > leastSeconds && exponent > steepest;
  if (isSteep) steep.push(name);
  const columns = [
    name.padEnd(42),
    String(n).padStart(7),
    few.toFixed(2).padStart(8),
    String(factor * n).padStart(7),
    many.toFixed(2).padStart(8),
    `n^${exponent.toFixed(1)}${isSteep ? ' !' : ''}`.padStart(9),
  ];
  console.log(columns.join(' '));
}

/** The better of two runs: the first may pay for the compiler. */
async function secondsOf(make: HostileCase['make'], n: number): Promise<number> {
  const work = make(n);
  const runs: number[] = [];
  for (let run = 0; run < 2; run++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    runs.push((user + system) / 1e6);
    if ((runs[0] ?? 0) > 20) break;
  }
  return Math.min(...runs);
}

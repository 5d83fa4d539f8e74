import { readdirSync, readFileSync } from 'node:fs';
import { openImages } from '../src/library/images.ts';
import { scanImage } from '../src/scan/scan-image.ts';

const start = performance.now();
const images = openImages({ usesCache: false });
const { image } = await images.open(`oci:out/bench/layered-${process.argv[2]}:latest`);
const { indexes } = await scanImage(image, process.argv[3] ? { concurrency: Number(process.argv[3]) } : {});
await images.close();
const wall = (performance.now() - start) / 1000;
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const threads = readdirSync('/proc/self/task')
  .map((t) => {
    const f = readFileSync(`/proc/self/task/${t}/stat`, 'latin1').split(') ')[1]!.split(' ');
    return (Number(f[11]) + Number(f[12])) / 100;
  })
  .filter((s) => s > 0.2)
  .sort((a, b) => b - a);
console.log(
  process.argv[2],
  `wall ${wall.toFixed(2)} cpu ${((userCPUTime + systemCPUTime) / 1e6).toFixed(2)} threads ${threads.join(' ')} rss ${(maxRSS / 1024).toFixed(0)} entries ${indexes.reduce((s, i) => s + i.entries.length, 0)} MB ${(indexes.reduce((s, i) => s + i.sizeBytes, 0) / 1e6) | 0}`,
);

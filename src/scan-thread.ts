import { parentPort } from 'node:worker_threads';
import type { ImagePath } from './base/image-path.ts';
import { serveScans } from './scan/serve-scans.ts';
import { ObservedContents } from './verify/observed-contents.ts';

/** What runs in the threads that list layers: see `scan/scan-threads.ts`, which starts them. */
if (parentPort)
  serveScans(parentPort, {
    [ObservedContents.threadName]: (input) => new ObservedContents(input as readonly ImagePath[]),
  });

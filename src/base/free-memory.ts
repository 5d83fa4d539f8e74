import { MessageChannel, type MessagePort } from 'node:worker_threads';

/**
 * Gives large memory back at once, which is garbage otherwise until V8 looks for some: with a long list of files in the heap that
 * takes a tenth of a second each time. Nobody may look at `memory` again, at no part of it. It goes with a message to a port that is
 * closed: HTML, "Web messaging", `postMessage`.
 */
export function freeMemory(memory: ArrayBufferLike): void {
  closedPort ??= closePort();
  if (memory instanceof ArrayBuffer) closedPort.postMessage(undefined, [memory]);
}

let closedPort: MessagePort | undefined;

function closePort(): MessagePort {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}

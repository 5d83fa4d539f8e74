import { MessageChannel, type MessagePort } from 'node:worker_threads';

/**
 * Gives memory back to the system at once. Otherwise it stays until V8 collects garbage, and having to do so for a few large pieces
 * costs much when a long list of files is in the heap. Nothing may look at `memory`, or at any part of it, afterwards. It leaves with a
 * message to a closed port: HTML, "Web messaging", `postMessage`.
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

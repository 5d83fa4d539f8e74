import { setMaxListeners } from 'node:events';

/**
 * A signal that aborts when `signal` does, for work that goes on in many places at once. Each request listens to it, and at the eleventh
 * listener of a signal Node warns of a leak; the caller's own signal stays as it is.
 */
export function sharedSignal(signal: AbortSignal): AbortSignal {
  const shared = AbortSignal.any([signal]);
  setMaxListeners(0, shared);
  return shared;
}

import type { CreditsOptions, CreditsStore } from './types.js';

/** Makes the store. Nothing happens until somebody subscribes, so it is safe to call while rendering. */
export function createCredits(options: CreditsOptions): CreditsStore {
  throw new Error(`the store of ${options.url} is being written`);
}

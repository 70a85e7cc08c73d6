/**
 * Idempotency keys.
 *
 * Promise: 128 random bits as four decimal numbers. It must work on plain-HTTP hosts, where
 * `crypto.randomUUID` does not exist; `crypto.getRandomValues` does everywhere.
 */

/** A fresh idempotency key for one change. Keep it when you retry the same change. */
export const newKey = (): string => crypto.getRandomValues(new Uint32Array(4)).join('-')

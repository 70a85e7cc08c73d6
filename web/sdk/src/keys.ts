/**
 * Idempotency keys.
 *
 * Promise: 128 random bits as 32 hexadecimal characters. It must work on plain-HTTP hosts, where
 * `crypto.randomUUID` does not exist; `crypto.getRandomValues` does everywhere.
 */

/** A fresh idempotency key for one change. Keep it when you retry the same change. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

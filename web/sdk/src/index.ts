/**
 * The core entry: one store of one user's credits, without a framework and without a dependency.
 * Everything else in this folder is inside; import nothing of it by path.
 */
export { newKey } from './keys.js'
export { createCredits } from './store.js'
export type * from './types.js'

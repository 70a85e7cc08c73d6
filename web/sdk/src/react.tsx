/**
 * The React entry: `CreditProvider` and hooks over the store of the core.
 *
 * Promise: the nine names of the original credit context with their exact meaning; functions that keep
 * their identity for the provider's whole life; a component renders again only when its own part
 * changed. It must not know frames, sockets or tabs.
 *
 * The odd one: a new `user` makes a new store during render, which is why `createCredits` does nothing
 * until somebody subscribes. The former user's number therefore cannot be painted under the new name.
 */
import type { ReactNode } from 'react';
import type { AccountView, CreditContextType, CreditsOptions, CreditsSnapshot, CreditsStore } from './types.js';

export type { CreditContextType } from './types.js';

/** What `useCredits` gives: the nine names, and beside them the rest of the snapshot. */
export interface CreditsValue extends CreditContextType, Omit<CreditsSnapshot, 'credits' | 'loading'> {}

/** Runs an optimistic change; see `CreditsStore.optimistic`. */
export type RunOptimistic = <T>(delta: number, change: (key: string) => Promise<T>) => Promise<T>;

/** Either the options of `createCredits`, or a `store` that the app made itself (and closes itself). */
export type CreditProviderProps = (CreditsOptions | { readonly store: CreditsStore }) & { readonly children?: ReactNode };

export declare function CreditProvider(props: CreditProviderProps): ReactNode;
/** The current user's credits of one unit (default: the provider's). */
export declare function useCredits(options?: { readonly unit?: string | undefined }): CreditsValue;
/** A part of the snapshot; renders again only when that part changed (`Object.is`). */
export declare function useCreditsSelector<T>(select: (snapshot: CreditsSnapshot) => T, options?: { readonly unit?: string | undefined }): T;
export declare function useOptimisticCredits(options?: { readonly unit?: string | undefined }): RunOptimistic;
/** Operators: one watched user's live account, undefined until known. Watches while mounted. */
export declare function useWatchedCredits(userId: string, options?: { readonly unit?: string | undefined }): AccountView | undefined;
/** The provider's store itself, for `on`, `watch`, `follow`. */
export declare function useCreditsStore(): CreditsStore;

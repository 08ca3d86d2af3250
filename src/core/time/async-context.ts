/**
 * What is done later, by whatever has woken it, is done in the async context of who asked for it: there
 * `AsyncLocalStorage` holds what it held then. The core has no means of its own; the root entry brings them.
 */

/** Does something in an async context that was kept. */
export type InContext = <R>(work: () => R) => R;

/** Keeps the async context of this moment. It costs too much for a call that ends in time. */
export type KeepContext = () => InContext;

/** Where nothing is kept: in the async context of now. */
export const here: InContext = (work) => work();

/** For a host without async contexts. */
export const keepNone: KeepContext = () => here;

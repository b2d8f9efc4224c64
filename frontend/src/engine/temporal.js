// V8 has Temporal of its own; feelin's polyfill for older ones stays out of the bundle.
export const { Temporal } = globalThis;

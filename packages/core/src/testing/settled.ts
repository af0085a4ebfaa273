/** Lets everything run that is not waiting for time or for the outside: all promises that can settle have. */
export function settled(): Promise<void> {
  // The event loop reaches its check phase only when no microtask is left. This is no sleep: no time is waited for.
  // oxlint-disable-next-line pagoda/injected-clock
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets everything run that does not wait for a timer or I/O: afterwards all promises that can
 * settle have settled.
 */
export function settled(): Promise<void> {
  // The event loop reaches its check phase only when no microtask is left. This is not a sleep: no
  // time passes.
  // oxlint-disable-next-line pagoda/injected-clock
  return new Promise((resolve) => setImmediate(resolve));
}

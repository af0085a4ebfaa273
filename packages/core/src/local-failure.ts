/**
 * Error codes of the system that are trouble of this machine's own: descriptors, memory, ports, permissions. They say
 * nothing about whoever was to be reached.
 */
const localFailures: ReadonlySet<unknown> = new Set([
  "EACCES",
  "EADDRNOTAVAIL",
  "EAI_MEMORY",
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EPERM",
]);

/** Whether an error of the system is this machine's own trouble. Faults made of one are of origin `local`. */
export function isLocalFailure(error: unknown): boolean {
  return localFailures.has((error as { readonly code?: unknown } | null | undefined)?.code);
}

/**
 * System error codes for problems of this machine: descriptors, memory, ports, permissions. They
 * say nothing about the host that was to be reached.
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

/**
 * Whether a system error is a problem of this machine. Faults made from one have origin `local`.
 */
export function isLocalFailure(error: unknown): boolean {
  return localFailures.has((error as { readonly code?: unknown } | null | undefined)?.code);
}

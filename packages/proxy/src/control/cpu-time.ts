/** CPU milliseconds that this process has used since a reading of `process.cpuUsage`. */
export function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

import { handOver, type SocketHandle, socketText, type SocketsByName } from "./sockets.ts";

/** The first descriptor passed by a service manager (`SD_LISTEN_FDS_START`). */
const firstFd = 3;

/**
 * Returns the sockets that a service manager opened for this process, by the names of listeners at
 * these addresses. The service manager keeps them open, so connections wait during a restart.
 *
 * Source: sd_listen_fds(3) of systemd.
 *
 * @param env The variables are removed from it, since child processes must not see them.
 */
export function activated(env: Record<string, string | undefined>): SocketsByName {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = env;
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete env[name];
  const sockets = new Map<string, SocketHandle[]>();
  if (pid !== String(process.pid)) return sockets;
  for (let fd = firstFd; fd < firstFd + Number(count); fd++) {
    const socket = handOver(fd);
    if (socket === undefined) continue;
    const name = socketText(socket);
    const all = sockets.get(name);
    if (all === undefined) sockets.set(name, [socket]);
    else all.push(socket);
  }
  return sockets;
}

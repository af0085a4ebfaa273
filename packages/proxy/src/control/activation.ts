import { handOver, type SocketHandle, socketText, type SocketsByName } from "./sockets.ts";

/** The first descriptor that a service manager hands over. */
const firstFd = 3;

/**
 * The sockets that a service manager has opened for this process, by the names that listeners at these addresses have. It
 * keeps them open: connections that come between two processes wait.
 *
 * Source: sd_listen_fds(3) of systemd.
 *
 * @param env Is rid of the variables: they are not meant for what this process starts.
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

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

let last = 20_000 + (process.pid % 10_000);

/**
 * A port of loopback on which nothing listens, below the range that the system assigns from. No other test gets it as long
 * as this process runs, so a server can leave it and come back.
 */
export async function quietPort(): Promise<number> {
  for (;;) {
    const port = ++last;
    if ((await claimed(port)) && (await isFree(port))) return port;
  }
}

/**
 * Claims a TCP port by means of the UDP port of the same number, which no server here uses. The system frees it with this
 * process.
 */
async function claimed(port: number): Promise<boolean> {
  const socket = createSocket("udp4").unref().bind(port, "127.0.0.1");
  try {
    await once(socket, "listening");
    return true;
  } catch {
    socket.close();
    return false;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}

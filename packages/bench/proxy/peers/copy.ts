// Bytes from one socket to another, and no HTTP: what is left of a proxy in Node when it does nothing.
import { connect, createServer, type Socket } from "node:net";
import { readPlace } from "./place.ts";

const {
  port,
  origins: [origin],
} = readPlace();
const { hostname, port: originPort } = new URL(`http://${origin}`);

createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host: hostname, port: Number(originPort), noDelay: true });
  pass(client, upstream);
  pass(upstream, client);
}).listen({ host: "127.0.0.1", port, backlog: 1_024 });

// A profile is written at an orderly end only.
process.once("SIGTERM", () => process.exit(0));

/** `pipe` costs more, and its backpressure has nothing to do here: a client waits for each response. */
function pass(from: Socket, to: Socket): void {
  from.on("data", (chunk) => to.write(chunk));
  from.on("error", () => to.destroy());
  from.on("close", () => to.destroy());
}

// An origin in its own process, which works as the simulated one does, over real sockets and in real time:
// `origin-program.ts PORT SETTINGS SEED`. Its parent sends what it does, and when that is over.
import { createServer } from "node:http";
import { isLeft, systemClock } from "@pagoda/core";
import { randomStream } from "@pagoda/core/testing";
import type { Effect } from "../../src/simulation/scenario/effect.ts";
import type { OriginSettings } from "../../src/simulation/scenario/schema.ts";
import { SimulatedEndpoint } from "../../src/simulation/world/endpoint.ts";

const [port = "0", settings = "", seed = "1"] = process.argv.slice(2);
const endpoint = new SimulatedEndpoint(
  `port ${port}`,
  JSON.parse(settings) as OriginSettings,
  systemClock,
  randomStream(Number(seed), `endpoint ${port}`),
);
let present: Effect | undefined;

process.on("message", (effect: Effect | null) => {
  if (present !== undefined) endpoint.end(present);
  present = effect ?? undefined;
  if (present !== undefined) endpoint.begin(present);
});
process.on("disconnect", () => process.exit(0));

const server = createServer({ keepAliveTimeout: 60_000 }, (_incoming, outgoing) => {
  void endpoint.call().then((result) => {
    outgoing.statusCode = isLeft(result) ? 500 : result.right.status;
    outgoing.end();
  });
});
server.listen(Number(port), "127.0.0.1", () =>
  process.send?.({ port: (server.address() as { port: number }).port }),
);

import type { Socket } from "node:net";
import { type Clock, right, systemClock } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, text } from "@pagoda/http";
import { clientPreface } from "../../src/http2/frames.ts";
import { Backlog } from "../../src/server/backlog.ts";
import { limitsOf } from "../../src/server/client-limits.ts";
import { Http2Connection } from "../../src/server/http2/connection.ts";
import { HttpDate } from "../../src/server/http-date.ts";
import { Tunnels } from "../../src/server/tunnels.ts";
import { settingsFrame, Wire } from "../http2/wire.ts";

/** The socket of a client that is the test. */
class ClientWire extends Wire {
  readonly remoteAddress = "192.0.2.1";
  readonly remotePort = 1;
  bytesRead = 0;

  override feed(...frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.bytesRead += frame.length;
    super.feed(...frames);
  }
}

export type Answer = (request: HttpRequest, signal: AbortSignal) => HttpResponse | Promise<HttpResponse>;

/** A server's connection without a network, and what it counts. */
export function inProcess(answer: Answer = () => text("yes"), clock: Clock = systemClock) {
  const wire = new ClientWire();
  const counts = { inFlight: 0, calls: 0 };
  const refused: string[] = [];
  const defects: unknown[] = [];
  const server = {
    scheme: "http",
    draining: false,
    tunnels: new Tunnels(["websocket"]),
    limits: limitsOf(),
    backlog: new Backlog(),
    date: new HttpDate(clock),
    async call(request: HttpRequest, signal: AbortSignal) {
      counts.calls++;
      return right(await answer(request, signal));
    },
    began: () => void counts.inFlight++,
    ended: () => void counts.inFlight--,
    refused: ({ status, reason }: { status: number; reason: string }) =>
      void refused.push(`${status} ${reason}`),
    defect: (cause: unknown) => void defects.push(cause),
  } as const;
  const connection = new Http2Connection(wire as unknown as Socket, server, clock);
  return { wire, connection, server, counts, refused, defects };
}

/** A connection whose client has sent its settings. */
export async function opened(...parameters: Parameters<typeof inProcess>) {
  const made = inProcess(...parameters);
  made.wire.feed(clientPreface, settingsFrame());
  await made.wire.sent();
  return made;
}

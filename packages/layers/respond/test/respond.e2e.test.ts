import { Agent, request } from "node:http";
import { type Fault, left, mapRequest, service, ServiceBuilder } from "@pagoda/core";
import type { HttpRequest, HttpResponse, Identified } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { expect, test } from "vitest";
import { respond } from "@pagoda/respond";

interface Down extends Fault<"Down"> {}

const down = service<HttpRequest & Identified, HttpResponse, Down>("down", async () =>
  left({ _tag: "Down", origin: "upstream", retryable: true }),
);

test("a HEAD request gets the answer without a body, and the connection stays open", async () => {
  const stack = new ServiceBuilder<HttpRequest>()
    .adapt(mapRequest((request: HttpRequest) => ({ ...request, requestId: "id-1" })))
    .layer(respond({ Down: { status: 502, message: "it is down" } }))
    .service(down);
  const server = await serve(stack);
  if (server._tag === "Left") throw new Error(server.left.code);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const get = (method: string) => fetchText(`${server.right.url}/`, method, agent);
    expect(await get("HEAD")).toEqual({ status: 502, type: "text/plain; charset=utf-8", text: "" });
    const whole = "502 it is down\nrequest id: id-1\n";
    expect(await get("GET")).toEqual({ status: 502, type: "text/plain; charset=utf-8", text: whole });
    expect(server.right.connections).toBe(1);
  } finally {
    agent.destroy();
    await server.right.close();
  }
});

function fetchText(url: string, method: string, agent: Agent) {
  return new Promise<{ status: number | undefined; type: string | undefined; text: string }>(
    (resolve, reject) => {
      request(url, { method, agent }, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        const { statusCode: status, headers } = response;
        resolve({ status, type: headers["content-type"], text: Buffer.concat(chunks).toString() });
      })
        .on("error", reject)
        .end();
    },
  );
}

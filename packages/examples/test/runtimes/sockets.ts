// The server and a transport in one program, which Bun and Deno run with their node: modules.
import { right, service } from "@pagoda/core";
import { bodyFrom, type HttpRequest, httpRequest, httpResponse } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { transport } from "@pagoda/transport";

const echo = service("echo", async ({ body }: HttpRequest) => right(httpResponse(200, bodyFrom(body))));
const server = await serve(echo);
if (server._tag === "Left") throw new Error(server.left.code);
for (const protocol of ["http1", "http2"] as const) {
  const origin = transport(server.right.url, { protocol });
  const request = httpRequest("http://shop.example/", { method: "POST", body: bodyFrom(["some ", "bytes"]) });
  const response = await origin.call(request);
  if (response._tag === "Left") throw new Error(response.left._tag);
  const text = await response.right.body.text();
  console.log(JSON.stringify({ protocol, status: response.right.status, text }));
  await origin.close();
}
await server.right.close();

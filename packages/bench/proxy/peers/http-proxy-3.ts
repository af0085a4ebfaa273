// A proxy made with http-proxy-3.
import { Agent } from "node:http";
import { createProxyServer } from "http-proxy-3";
import { listen } from "./listen.ts";
import { readPlace } from "./place.ts";

const place = readPlace();
const proxy = createProxyServer({
  target: `http://${place.origins[0]}`,
  agent: new Agent({ keepAlive: true }),
});

listen(place, (request, response) => proxy.web(request, response));

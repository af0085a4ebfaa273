// A proxy made with httpxy.
import { Agent } from "node:http";
import { createProxyServer } from "httpxy";
import { listen } from "./listen.ts";
import { readPlace } from "./place.ts";

const place = readPlace();
const proxy = createProxyServer({
  target: `http://${place.origins[0]}`,
  agent: new Agent({ keepAlive: true }),
});

listen(place, (request, response) => void proxy.web(request, response));

// The server and the client of Pagoda without any layer between them.
import { isLeft, type Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { transport } from "@pagoda/transport";
import { readPlace } from "./place.ts";

const { port, origins, back } = readPlace();
const origin = transport(`http://${origins[0]}`, { protocol: back });
// A fault has no response without a layer for it, and fails the measurement either way.
const service = origin as unknown as Service<HttpRequest, HttpResponse>;
const served = await serve(service, { host: "127.0.0.1", port });
if (isLeft(served)) throw new Error(`cannot listen on port ${port}`);

// A profile is written at an orderly end only.
process.once("SIGTERM", () => process.exit(0));

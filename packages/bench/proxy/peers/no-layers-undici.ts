// The server of Pagoda and undici without any layer between them.
import { isLeft, type Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { serve } from "@pagoda/http/server";
import { undici } from "@pagoda/undici";
import { Pool } from "undici";
import { readPlace } from "./place.ts";

const { port, origins } = readPlace();
const origin = `http://${origins[0]}`;
const client = undici(new Pool(origin, { connections: 1_024, allowH2: false }), { origin });
// A fault has no response without a layer for it, and fails the measurement either way.
const service = client as unknown as Service<HttpRequest, HttpResponse>;
const served = await serve(service, { host: "127.0.0.1", port });
if (isLeft(served)) throw new Error(`cannot listen on port ${port}`);

// A profile is written at an orderly end only.
process.once("SIGTERM", () => process.exit(0));

// A server that runs as its own process, for the test that starts Node with --insecure-http-parser.
import { right, service } from "@pagoda/core";
import { type HttpRequest, text } from "@pagoda/http";
import { serve } from "@pagoda/http/server";

const started = await serve(service("echo", async ({ path }: HttpRequest) => right(text(path))));
if (started._tag === "Right") process.stdout.write(`${started.right.port}\n`);

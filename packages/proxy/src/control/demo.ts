import { type HttpServer, serve } from "@pagoda/http/server";
import { isLeft } from "@pagoda/core";
import { demoOrigin } from "../demo.ts";

/** Built-in origins, used when none are configured. */
export class Demo {
  #servers: Promise<readonly HttpServer[]> | undefined;

  /** Their addresses; they start listening on the first call. */
  readonly origins = async (): Promise<readonly string[]> => {
    this.#servers ??= Promise.all(["one", "two"].map(started));
    return (await this.#servers).map(({ url }) => url);
  };

  async close(): Promise<void> {
    await Promise.all(((await this.#servers) ?? []).map((server) => server.close()));
  }
}

async function started(name: string): Promise<HttpServer> {
  const server = await serve(demoOrigin(name));
  // On loopback, on a port chosen by the system: an operator can do nothing about a failure.
  if (isLeft(server)) throw server.left.cause;
  return server.right;
}

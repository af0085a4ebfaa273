import { type HttpServer, serve } from "@pagoda/http/server";
import { isLeft } from "fp-ts/lib/Either.js";
import { demoOrigin } from "../demo.ts";

/** Origins of the program's own, for when nobody has named any. */
export class Demo {
  #servers: Promise<readonly HttpServer[]> | undefined;

  /** Where they listen; they begin to when they are first asked for. */
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
  // Loopback, and a port that the system chooses: nothing that an operator could do about it.
  if (isLeft(server)) throw server.left.cause;
  return server.right;
}

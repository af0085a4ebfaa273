import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Manifest } from "../workspace.ts";

/** A published package. */
export interface Published {
  readonly manifest: Manifest;
  readonly bytes: number;
}

export interface Registry extends AsyncDisposable {
  readonly url: string;
  /** In order of arrival. */
  readonly published: readonly Published[];
}

/** The request body of `npm publish`. */
interface Publication {
  readonly name: string;
  readonly versions: Readonly<Record<string, Manifest>>;
  readonly _attachments: Readonly<Record<string, { readonly length: number }>>;
}

/**
 * An in-memory npm registry on loopback with only the packages published to it.
 *
 * @param refused The package whose first publication is refused.
 */
export async function startRegistry(refused?: string): Promise<Registry> {
  const published: Published[] = [];
  let refusals = 0;
  const server = createServer(async (request, response) => {
    const send = (status: number, body: object): void =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.method === "PUT") {
      const { name, versions, _attachments } = JSON.parse(await text(request)) as Publication;
      if (name === refused && refusals++ === 0) {
        send(403, { error: "not this time" });
        return;
      }
      const bytes = Object.values(_attachments).reduce((sum, { length }) => sum + length, 0);
      for (const manifest of Object.values(versions)) published.push({ manifest, bytes });
      send(201, { ok: true });
      return;
    }
    const name = decodeURIComponent((request.url ?? "").slice(1));
    const own = published.filter(({ manifest }) => manifest.name === name);
    const versions = Object.fromEntries(own.map(({ manifest }) => [manifest.version, manifest]));
    if (own.length === 0) send(404, { error: "not found" });
    else send(200, { name, versions, "dist-tags": { latest: own.at(-1)?.manifest.version } });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    published,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

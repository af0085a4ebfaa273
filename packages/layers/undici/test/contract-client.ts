import type { MakeClient } from "@pagoda/http/testing";
import { undici } from "@pagoda/undici";
import { Agent, H2CClient } from "undici";

/** This client, as the contract of all clients makes it. */
export const contractClient: MakeClient = (url, { protocol, connectTimeoutMs, ...options }) => {
  const dispatcher =
    protocol === "http2"
      ? new H2CClient(url)
      : new Agent({
          allowH2: false,
          ...(connectTimeoutMs !== undefined && { connectTimeout: connectTimeoutMs }),
        });
  return { service: undici(dispatcher, { origin: url, ...options }), close: () => dispatcher.destroy() };
};

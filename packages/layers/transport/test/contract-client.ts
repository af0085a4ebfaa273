import type { MakeClient } from "@pagoda/http/testing";
import { transport } from "@pagoda/transport";

/** This client, as the contract of all clients makes it. */
export const contractClient: MakeClient = (url, settings) => {
  const service = transport(url, settings);
  return { service, close: () => service.close() };
};

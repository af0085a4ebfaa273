import { socketHost } from "@pagoda/http/grammar";
import type { Origin } from "./origin.ts";

/** Returns the address that an endpoint listens on. */
export function address({ key }: Origin): { readonly host: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(key);
  return {
    host: socketHost(hostname),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
  };
}

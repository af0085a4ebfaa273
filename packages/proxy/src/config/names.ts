import { addressText } from "./address.ts";
import type { ListenerConfig } from "./schema/config.ts";

/** The name of a listener: its `name`, otherwise its address. */
export function listenerName({ name, address }: Pick<ListenerConfig, "name" | "address">): string {
  return name ?? addressText(address);
}

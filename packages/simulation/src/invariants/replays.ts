import type { Content } from "../content.ts";
import type { Request } from "../request.ts";
import type { World } from "../world.ts";

export const byteExact = "each reading of a body gives its bytes, all and in order";

/** What an origin read is compared with what the caller sent, by length and checksum. */
export function replayWatch(world: World): (request: Request, seen: Content) => void {
  const read = new Set<number>();
  return ({ id, content }, seen) => {
    if (read.has(id)) world.count("read again");
    read.add(id);
    if (seen.bytes === content.bytes && seen.sum === content.sum) return;
    const told = `call ${id} sent ${content.bytes} bytes (${content.sum})`;
    world.violate(byteExact, `${told}, the origin read ${seen.bytes} (${seen.sum})`);
  };
}

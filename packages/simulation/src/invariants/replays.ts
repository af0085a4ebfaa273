import type { Content } from "../content.ts";
import type { Request } from "../request.ts";
import type { World } from "../world.ts";

export const exactBytes = "each read of a body yields all its bytes in order";

/** Compares what an origin read with what the caller sent, by length and checksum. */
export function replayWatch(world: World): (request: Request, seen: Content) => void {
  const read = new Set<number>();
  return ({ id, content }, seen) => {
    if (read.has(id)) world.count("body replayed");
    read.add(id);
    if (seen.bytes === content.bytes && seen.sum === content.sum) return;
    const sent = `call ${id} sent ${content.bytes} bytes (${content.sum})`;
    world.violate(exactBytes, `${sent}, the origin read ${seen.bytes} (${seen.sum})`);
  };
}

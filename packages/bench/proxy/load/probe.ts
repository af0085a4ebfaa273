import type { Target } from "./client.ts";
import { Generator } from "./generator.ts";

/**
 * Sends one request on a connection of its own.
 *
 * @throws When the response is not the expected one.
 */
export async function probe(target: Target): Promise<void> {
  const generator = await Generator.open(target, 1, 1);
  try {
    await generator.closed(0);
  } finally {
    generator.close();
  }
}

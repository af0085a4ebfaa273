import { bodyLimit as bodyLimitLayer } from "@pagoda/body-limit";
import type { BodyTooLarge } from "@pagoda/http";
import type { Answer } from "@pagoda/respond";
import { definePolicy } from "./policy.ts";

/**
 * Limits request bodies. Stands inside everything that refuses clients, whose bodies are not read,
 * and outside everything that records bodies.
 */
export const bodyLimit = definePolicy({
  name: "bodyLimit",
  at: ["listener", "route"],
  schema: ({ size }) =>
    size
      .optional()
      .describe(
        "Maximum size of a request body; larger ones get 413, before they are read if their length is known. Tunnels have no limit. Default: no limit.",
      ),
  notSimulated: () => "requests have no body",
  layer: (maxBytes) => bodyLimitLayer({ maxBytes }),
  answers: {
    BodyTooLarge: ({ maxBytes }: BodyTooLarge): Answer => ({
      status: 413,
      message: `request body over ${maxBytes} bytes`,
    }),
  },
  grpc: { BodyTooLarge: "RESOURCE_EXHAUSTED" },
});

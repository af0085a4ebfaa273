type Codec = typeof import("./codec.ts");

let loaded: Promise<Codec> | undefined;

/**
 * Loads the protobuf library and the messages with the first call, so that they cost a program whose
 * servers speak HTTP nothing.
 */
export function loadCodec(): Promise<Codec> {
  return (loaded ??= import("./codec.ts"));
}

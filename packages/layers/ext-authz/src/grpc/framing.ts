import { concatBytes, type HttpHeaders, type HttpResponse, isGrpc } from "@pagoda/http";

/** A flag and the length of a message (gRPC over HTTP/2, Length-Prefixed-Message). */
const prefixBytes = 5;

/** Frames a message, not compressed. */
export function framed(message: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(prefixBytes);
  new DataView(prefix.buffer).setUint32(1, message.length);
  return concatBytes([prefix, message]);
}

/** Returns the message of a unary response; undefined unless it is exactly one, not compressed. */
export function unframed(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < prefixBytes || bytes[0] !== 0) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(1);
  return length === bytes.length - prefixBytes ? bytes.subarray(prefixBytes) : undefined;
}

/** Writes a timeout as `grpc-timeout`: at most eight digits and a unit. */
export function grpcTimeout(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms));
  return whole < 100_000_000 ? `${whole}m` : `${Math.ceil(whole / 1_000)}S`;
}

/** Why a unary call has no message. */
export type UnaryFailure = "failed" | "status";

/**
 * Reads the message of a unary response.
 *
 * @param maxBytes Maximum size of the message, above which nothing is read.
 */
export async function unaryMessage(
  { status, headers, body }: HttpResponse,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array | UnaryFailure> {
  if (status !== 200 || !isGrpc(headers)) {
    body.cancel();
    return "failed";
  }
  let trailers: HttpHeaders | undefined;
  body.observe((_, its) => (trailers = its));
  const bytes = await body.bytes({ maxBytes: maxBytes + prefixBytes, signal });
  if (bytes._tag === "Left") return "failed";
  // Without a message, the trailers may be in the head.
  const code = trailers?.get("grpc-status") ?? headers.get("grpc-status");
  if (code !== "0") return code === undefined ? "failed" : "status";
  return unframed(bytes.right) ?? "failed";
}

import { type Either, left, right } from "@pagoda/core";

/** Flag and length, before each gRPC message. */
const prefixBytes = 5;
/** Protobuf wire types. */
const varintType = 0;
const fixed64Type = 1;
const lengthType = 2;
const fixed32Type = 5;
/** Seven bits per byte, 64 in total. */
const maxVarintBytes = 10;

const statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

const codes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** Name of a `grpc-status` code, or the code itself if unknown. */
export function nameOfCode(status: string): string {
  return (/^\d{1,2}$/.test(status) ? codes[Number(status)] : undefined) ?? status;
}

/** Encodes a `HealthCheckRequest` with its prefix; the service is field 1. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const field = name.length === 0 ? [] : [Buffer.from([(1 << 3) | lengthType, ...varint(name.length)]), name];
  const message = Buffer.concat(field);
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/**
 * Decodes a prefixed `HealthCheckResponse` to the name of its status. `Left` describes what is
 * wrong.
 */
export function decodeResponse(bytes: Uint8Array): Either<string, string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.length === 0) return left("no message");
  if (buffer.length < prefixBytes) return left("truncated message");
  if (buffer[0] !== 0) return left("unexpected compressed message");
  const length = buffer.readUInt32BE(1);
  if (buffer.length < prefixBytes + length) return left("truncated message");
  if (buffer.length > prefixBytes + length) return left("more than one message");
  const status = new Fields(buffer.subarray(prefixBytes)).status();
  return status === undefined
    ? left("malformed HealthCheckResponse")
    : right(statuses[status] ?? `status ${status}`);
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/**
 * Reads one protobuf message. Unknown fields are skipped, as protobuf requires, but must be well
 * formed.
 */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Returns field 1, 0 if absent, or `undefined` if the message is malformed. */
  status(): number | undefined {
    let status = 0;
    while (this.#at < this.#bytes.length) {
      const tag = this.#varint();
      if (tag === undefined || tag >= 2 ** 32 || tag < 8) return undefined;
      const type = tag & 7;
      if (type === varintType) {
        const value = this.#varint();
        if (value === undefined) return undefined;
        if (tag >>> 3 === 1) status = value;
      } else if (tag >>> 3 === 1 || !this.#skip(type)) {
        return undefined;
      }
    }
    return status;
  }

  #varint(): number | undefined {
    let value = 0;
    for (let n = 0; n < maxVarintBytes; n++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * 2 ** (7 * n);
      if (byte < 0x80) return value;
    }
    return undefined;
  }

  #skip(type: number): boolean {
    let length: number | undefined;
    if (type === fixed64Type) length = 8;
    else if (type === fixed32Type) length = 4;
    else if (type === lengthType) length = this.#varint();
    this.#at += length ?? Infinity;
    return this.#at <= this.#bytes.length;
  }
}

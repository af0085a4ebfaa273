import { type Either, left, right } from "fp-ts/lib/Either.js";

/** Flag and length, before each message of gRPC. */
const prefixBytes = 5;
/** Protobuf's types on the wire. */
const varintType = 0;
const fixed64Type = 1;
const lengthType = 2;
const fixed32Type = 5;
/** Seven bits a byte, 64 in all. */
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

/** The name of a `grpc-status`, as people know it. */
export function nameOfCode(status: string): string {
  return (/^\d{1,2}$/.test(status) ? codes[Number(status)] : undefined) ?? status;
}

/** A `HealthCheckRequest` with its prefix: the service is field 1. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const field = name.length === 0 ? [] : [Buffer.from([(1 << 3) | lengthType, ...varint(name.length)]), name];
  const message = Buffer.concat(field);
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** The status in a `HealthCheckResponse` with its prefix, by its name, or what is wrong with the bytes. */
export function decodeResponse(bytes: Uint8Array): Either<string, string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.length === 0) return left("no message");
  if (buffer.length < prefixBytes) return left("a message that breaks off");
  if (buffer[0] !== 0) return left("a compressed message, which was not asked for");
  const length = buffer.readUInt32BE(1);
  if (buffer.length < prefixBytes + length) return left("a message that breaks off");
  if (buffer.length > prefixBytes + length) return left("more than one message");
  const status = new Fields(buffer.subarray(prefixBytes)).status();
  return status === undefined
    ? left("a message that is no HealthCheckResponse")
    : right(statuses[status] ?? `status ${status}`);
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** Reads one protobuf message. Fields that are not known are passed over, as protobuf asks, but must be well formed. */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Field 1, 0 where it is absent; `undefined`: the bytes are malformed. */
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

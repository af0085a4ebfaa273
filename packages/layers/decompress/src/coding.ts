import type { Transform } from "node:stream";
// Not named imports: Node before 22.15 has no zstd, and they would fail to link.
import * as zlib from "node:zlib";
import type { HttpHeaders } from "@pagoda/http";
import { membersOf } from "@pagoda/http/grammar";

/** A content coding (RFC 9110, 8.4.1). */
export type Coding = "zstd" | "br" | "gzip" | "deflate";

/** A decompressor of `node:zlib`. */
export type Decoder = Transform & { readonly bytesWritten: number };

/** 8 MiB, which all recipients of `zstd` must support, and senders must not exceed (RFC 9659). */
const zstdWindowBits = 23;

/**
 * Whether this Node has zstd and notices when it is truncated. Without that, what has arrived of a
 * body would pass for the whole (nodejs/node#64592).
 */
function isZstdSafe(): boolean {
  if (!("createZstdDecompress" in zlib)) return false;
  try {
    // An empty frame without its last two bytes.
    zlib.zstdDecompressSync(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1));
    return false;
  } catch {
    return true;
  }
}

/** Opens the decompressor of each coding that this Node has. */
const decoders: Readonly<Partial<Record<Coding, (first: Uint8Array) => Decoder>>> = {
  ...(isZstdSafe() && {
    zstd: () =>
      zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: zstdWindowBits } }),
  }),
  br: () => zlib.createBrotliDecompress(),
  gzip: () => zlib.createGunzip(),
  // Some servers send it without the zlib format around it that RFC 9110 requires. That format
  // begins with the number of the method, 8.
  deflate: (first) => (((first[0] as number) & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw()),
};

/** The codings that are decoded. `zstd` is among them if this Node notices truncated content. */
export const supportedCodings: readonly Coding[] = Object.keys(decoders) as Coding[];

/**
 * What requests accept. Not `deflate`, which is decoded, too, but has no advantage over `gzip`.
 */
export const acceptEncoding: string = supportedCodings.filter((coding) => coding !== "deflate").join(", ");

/** As many as curl and undici decode: each costs memory. */
const maxCodings = 5;

export function decoderOf(coding: Coding, first: Uint8Array): Decoder {
  return (decoders[coding] as NonNullable<(typeof decoders)[Coding]>)(first);
}

/**
 * Returns the codings of a message in the order in which they were applied, and the first one that
 * is not supported, if any. A sixth one counts as not supported.
 */
export function codingsOf(headers: HttpHeaders): {
  readonly codings: readonly Coding[];
  readonly unsupported: string | undefined;
} {
  const codings: Coding[] = [];
  for (const value of headers.all("content-encoding")) {
    for (const member of membersOf(value)) {
      const lower = member.toLowerCase();
      const coding = lower === "x-gzip" ? "gzip" : lower;
      if (coding === "identity") continue;
      if (!isSupported(coding) || codings.length === maxCodings) return { codings, unsupported: member };
      codings.push(coding);
    }
  }
  return { codings, unsupported: undefined };
}

function isSupported(name: string): name is Coding {
  return (supportedCodings as readonly string[]).includes(name);
}

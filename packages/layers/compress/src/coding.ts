import type { Transform } from "node:stream";
// Not named imports: Node before 22.15 has no zstd, and they would fail to link.
import * as zlib from "node:zlib";

/** A content coding (RFC 9110, 8.4.1). `zstd` needs Node 22.15 or later. */
export type Coding = "zstd" | "br" | "gzip";

/** The zlib functions of a coding. */
export interface Codec {
  /** Range and default of its level. */
  readonly levels: { readonly min: number; readonly max: number; readonly standard: number };
  /** Compresses as a stream. */
  stream(level: number): Transform & Pick<zlib.Gzip, "flush">;
  /** Compresses at once, blocking the thread. */
  whole(bytes: Uint8Array, level: number): Uint8Array;
  /** The argument of `flush` that outputs everything written so far and keeps the dictionary. */
  readonly flush: number;
}

const { constants } = zlib;

/**
 * 512 KiB, the default of nginx's brotli module: larger ones cost each stream more memory. Browsers
 * refuse zstd windows of more than 8 MiB (RFC 9659).
 */
const windowBits = 19;

function brotliOptions(level: number): zlib.BrotliOptions {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN } = constants;
  return { params: { [BROTLI_PARAM_QUALITY]: level, [BROTLI_PARAM_LGWIN]: windowBits } };
}

function zstdOptions(level: number): zlib.ZstdOptions {
  const { ZSTD_c_compressionLevel, ZSTD_c_windowLog } = constants;
  return { params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_windowLog]: windowBits } };
}

const gzip: Codec = {
  levels: { min: 1, max: 9, standard: 4 },
  stream: (level) => zlib.createGzip({ level }),
  whole: (bytes, level) => zlib.gzipSync(bytes, { level }),
  flush: constants.Z_SYNC_FLUSH,
};

const br: Codec = {
  levels: { min: 0, max: 11, standard: 4 },
  stream: (level) => zlib.createBrotliCompress(brotliOptions(level)),
  whole: (bytes, level) => zlib.brotliCompressSync(bytes, brotliOptions(level)),
  flush: constants.BROTLI_OPERATION_FLUSH,
};

const zstd: Codec = {
  levels: { min: 1, max: 22, standard: 3 },
  stream: (level) => zlib.createZstdCompress(zstdOptions(level)),
  whole: (bytes, level) => zlib.zstdCompressSync(bytes, zstdOptions(level)),
  flush: constants.ZSTD_e_flush,
};

/** Those that this Node has, in the default order of preference. */
export const codecs: Readonly<Partial<Record<Coding, Codec>>> = {
  ...("createZstdCompress" in zlib && { zstd }),
  br,
  gzip,
};

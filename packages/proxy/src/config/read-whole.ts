import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** A size limit that no configuration or certificate needs to exceed. */
const maxBytes = 32 * 1_024 ** 2;

/** How long a pipe may be silent: enough for its writer, and less than the watchdog allows. */
const pipeMs = 5_000;
const pipeStepMs = 10;

/**
 * Reads a file or a pipe. Simply opening a pipe without a writer would block this process forever.
 *
 * @throws Node's errors; EFBIG if it is endless, ETIMEDOUT for a pipe without a writer.
 */
export function readWhole(file: string): string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const isPipe = fstatSync(descriptor).isFIFO();
    const pieces: Buffer[] = [];
    let length = 0;
    let waited = 0;
    for (;;) {
      const piece = Buffer.allocUnsafe(65_536);
      const read = readNow(descriptor, piece);
      // Before the first byte, a pipe also ends if its writer has not opened it yet.
      if (read === undefined || (read === 0 && length === 0 && isPipe)) {
        if (waited >= pipeMs) throw Object.assign(new Error("nobody writes"), { code: "ETIMEDOUT" });
        pause(pipeStepMs);
        waited += pipeStepMs;
        continue;
      }
      if (read === 0) return Buffer.concat(pieces, length).toString("utf8");
      pieces.push(piece.subarray(0, read));
      length += read;
      if (length > maxBytes) throw Object.assign(new Error("too large"), { code: "EFBIG" });
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined if nothing is there yet. */
function readNow(descriptor: number, piece: Buffer): number | undefined {
  try {
    return readSync(descriptor, piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

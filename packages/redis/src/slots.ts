/** Number of hash slots of a cluster. */
export const slotCount = 16_384;

/** The hash slot of a key: CRC-16 (XMODEM) of the part in braces, or of all. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % slotCount;
}

/** The slots of a master. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
  /** Empty: the host that was asked. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads the reply to `CLUSTER SLOTS`.
 *
 * @throws Error if the server has replied something else.
 */
export function slotRangesOf(reply: unknown): readonly SlotRange[] {
  const ranges = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
  const read = ranges.map((range) => {
    const [from, to, master] = range as readonly [number, number, readonly [string | null, number]];
    return { from, to, host: master[0] ?? "", port: master[1] };
  });
  if (read.length === 0) throw new Error("the cluster has no slots");
  return read;
}

/** Where a server sends a command instead. */
export interface Redirection {
  /** Only this command, since the slot is being moved. */
  readonly isOnce: boolean;
  /** Empty: the same host. */
  readonly host: string;
  readonly port: number;
}

/** Reads `MOVED 3999 127.0.0.1:6381` and `ASK …`; undefined for any other error. */
export function redirectionOf({ message }: Error): Redirection | undefined {
  const [, kind, host = "", port] = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(message) ?? [];
  return kind === undefined ? undefined : { isOnce: kind === "ASK", host, port: Number(port) };
}

import { ConnectionError, errorCode } from "./error-codes.ts";
import {
  defaultFrameSize,
  defaultWindow,
  largestFrameSize,
  maxUint31,
  readUint32,
  setting,
  writeUint32,
} from "./frames.ts";
import { defaultTableSize } from "./hpack/static-table.ts";

const { headerTableSize, enablePush, maxConcurrentStreams, initialWindowSize } = setting;
const { maxFrameSize, maxHeaderListSize, enableConnectProtocol } = setting;

/** Bytes of one setting. */
const settingLength = 6;

/** What the peer has set (RFC 9113, 6.5.2), beginning with the initial values. */
export class PeerSettings {
  /** Whether the peer is a client, which alone may enable push. */
  readonly #isClient: boolean;
  headerTableSize: number = defaultTableSize;
  /** Infinity while the peer has set no limit. */
  maxConcurrentStreams = Infinity;
  initialWindowSize: number = defaultWindow;
  maxFrameSize: number = defaultFrameSize;
  maxHeaderListSize = Infinity;
  /** Extended CONNECT (RFC 8441, 3). */
  enableConnectProtocol = false;

  constructor(isClient: boolean) {
    this.#isClient = isClient;
  }

  /**
   * Applies the payload of a SETTINGS frame, which has whole settings. Unknown ones are ignored.
   *
   * @throws ConnectionError
   */
  apply(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at += settingLength) {
      const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      this.#set(id, readUint32(bytes, at + 2));
    }
  }

  #set(id: number, value: number): void {
    switch (id) {
      case headerTableSize:
        this.headerTableSize = value;
        break;
      case enablePush:
        check(value === 0 || (value === 1 && this.#isClient), "ENABLE_PUSH", value);
        break;
      case maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        break;
      case initialWindowSize:
        check(value <= maxUint31, "INITIAL_WINDOW_SIZE", value, errorCode.flowControlError);
        this.initialWindowSize = value;
        break;
      case maxFrameSize:
        check(value >= defaultFrameSize && value <= largestFrameSize, "MAX_FRAME_SIZE", value);
        this.maxFrameSize = value;
        break;
      case maxHeaderListSize:
        this.maxHeaderListSize = value;
        break;
      case enableConnectProtocol:
        // Once enabled it stays so (RFC 8441, 3).
        check(value === 1 || (value === 0 && !this.enableConnectProtocol), "ENABLE_CONNECT_PROTOCOL", value);
        this.enableConnectProtocol = value === 1;
    }
  }
}

function check(isValid: boolean, name: string, value: number, code: number = errorCode.protocolError): void {
  if (!isValid) throw new ConnectionError(code, `SETTINGS with ${name} ${value}`);
}

/** Encodes the payload of a SETTINGS frame. */
export function settingsPayload(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * settingLength);
  settings.forEach(([id, value], n) => {
    payload[n * settingLength + 1] = id;
    writeUint32(payload, n * settingLength + 2, value);
  });
  return payload;
}

import { ConnectionError, errorCode } from "./error-codes.ts";
import { frameFlag, frameType, readUint31, readUint32 } from "./frames.ts";

/** Receives valid control frames. Bytes are only valid during the call. */
export interface ControlHandler {
  /** A PRIORITY frame of a wrong size, an error of its stream (RFC 9113, 6.3). */
  prioritized(stream: number): void;
  /** RST_STREAM. */
  wasReset(stream: number, code: number): void;
  settings(bytes: Buffer, from: number, to: number): void;
  /** The peer acknowledges this side's SETTINGS or PING. */
  acknowledged(type: number): void;
  /** A PING that must be answered with the same bytes. */
  pinged(bytes: Buffer, from: number, to: number): void;
  goaway(lastStream: number, code: number): void;
  windowUpdate(stream: number, increment: number): void;
}

/**
 * Checks a frame that is neither DATA nor part of a header block, and passes it on (RFC 9113, 6.3
 * to 6.9). Unknown types are ignored (RFC 9113, 5.5).
 *
 * @throws ConnectionError
 */
export function readControl(
  handler: ControlHandler,
  type: number,
  flags: number,
  stream: number,
  bytes: Buffer,
  from: number,
  to: number,
): void {
  const length = to - from;
  const isAcknowledgement = (flags & frameFlag.acknowledged) !== 0;
  switch (type) {
    case frameType.priority:
      checkStream("PRIORITY", stream, true);
      if (length !== 5) handler.prioritized(stream);
      break;
    case frameType.reset:
      checkStream("RST_STREAM", stream, true);
      checkLength("RST_STREAM", length, length === 4);
      handler.wasReset(stream, readUint32(bytes, from));
      break;
    case frameType.settings:
      checkStream("SETTINGS", stream, false);
      checkLength("SETTINGS", length, length % 6 === 0 && (length === 0 || !isAcknowledgement));
      if (isAcknowledgement) handler.acknowledged(type);
      else handler.settings(bytes, from, to);
      break;
    case frameType.pushPromise:
      throw new ConnectionError(errorCode.protocolError, "PUSH_PROMISE, which this side does not accept");
    case frameType.ping:
      checkStream("PING", stream, false);
      checkLength("PING", length, length === 8);
      if (isAcknowledgement) handler.acknowledged(type);
      else handler.pinged(bytes, from, to);
      break;
    case frameType.goaway:
      checkStream("GOAWAY", stream, false);
      checkLength("GOAWAY", length, length >= 8);
      handler.goaway(readUint31(bytes, from), readUint32(bytes, from + 4));
      break;
    case frameType.windowUpdate:
      checkLength("WINDOW_UPDATE", length, length === 4);
      handler.windowUpdate(stream, readUint31(bytes, from));
  }
}

/** Checks that a frame is on a stream, or on none. */
function checkStream(name: string, stream: number, isOnStream: boolean): void {
  if (stream > 0 !== isOnStream)
    throw new ConnectionError(errorCode.protocolError, `${name} on stream ${stream}`);
}

function checkLength(name: string, length: number, isValid: boolean): void {
  if (!isValid) throw new ConnectionError(errorCode.frameSizeError, `${name} of ${length} bytes`);
}

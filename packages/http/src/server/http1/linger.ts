import type { Socket } from "node:net";
import type { Clock, Timer } from "@pagoda/core";
import { lingerMs } from "../connections.ts";

/**
 * How often the read of a client that still sends is extended by `lingerMs`: 30 s in total, as in
 * nginx.
 */
const maxRounds = 15;

/**
 * Closes a connection once its client has had time to read the last response.
 *
 * @param isUpload The client is still sending a request. A slow upload must not be reset while it
 * continues: its client would lose a response that it has not read yet.
 */
export function linger(socket: Socket, clock: Clock, isUpload: boolean): void {
  let bytes = socket.bytesRead;
  let rounds = 0;
  const round = (): Timer => clock.setTimer(lingerMs, over);
  const over = (): void => {
    if (!isUpload || socket.bytesRead === bytes || ++rounds === maxRounds) return void socket.destroy();
    bytes = socket.bytesRead;
    timer = round();
  };
  let timer = round();
  socket.once("close", () => clock.clearTimer(timer));
}

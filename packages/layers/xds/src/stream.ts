import { ControlPlane, nodeOf } from "./control-plane.ts";
import { DeltaSession } from "./delta.ts";
import type { ControlPlaneDisconnected, Settings } from "./options.ts";
import type { Session } from "./session.ts";
import { SotwSession } from "./sotw.ts";
import type { Response } from "./subscription.ts";

const firstBackoffMs = 1_000;
const maxBackoffMs = 30_000;

export interface StreamEvents {
  /** A stream is open: ask for everything. */
  readonly opened: (session: Session) => void;
  readonly received: (session: Session, response: Response) => void;
  /** The stream has ended, or could not be opened. */
  readonly ended: (fault: ControlPlaneDisconnected, retryInMs: number) => void;
}

/** The stream to the control plane, opened again whenever it ends. */
export class Stream {
  /** The current stream; undefined while there is none. */
  session: Session | undefined;
  readonly #settings: Settings;
  readonly #events: StreamEvents;
  readonly #plane: ControlPlane;
  #isRunning = false;
  #isClosed = false;
  #failures = 0;
  #endWait: () => void = () => {};

  constructor(settings: Settings, events: StreamEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#plane = new ControlPlane(settings);
  }

  /** Opens it, unless it is open or will be opened again. */
  start(): void {
    if (this.#isRunning || this.#isClosed) return;
    this.#isRunning = true;
    void this.#run();
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
    this.#endWait();
    this.#plane.close();
  }

  async #run(): Promise<void> {
    const { clock, random, server } = this.#settings;
    while (!this.#isClosed) {
      const sinceMs = clock.now();
      const reason = await this.#open();
      if (this.#isClosed) return;
      this.#end();
      // A server with nothing new to say may be silent for long.
      if (clock.now() - sinceMs >= maxBackoffMs) this.#failures = 0;
      const most = Math.min(firstBackoffMs * 2 ** this.#failures++, maxBackoffMs);
      const waitMs = most / 2 + (random() * most) / 2;
      this.#events.ended(
        { _tag: "ControlPlaneDisconnected", origin: "local", retryable: true, server, reason },
        waitMs,
      );
      await this.#wait(waitMs);
    }
  }

  /** @returns Why it ended. */
  async #open(): Promise<string> {
    const { node, protocol, clock } = this.#settings;
    try {
      const failed = await this.#plane.connect();
      if (failed !== undefined) return reasonOf(failed);
      if (this.#isClosed) return "closed";
      const { service } = this.#plane;
      const session =
        protocol === "delta"
          ? new DeltaSession(service, nodeOf(node), clock)
          : new SotwSession(service, nodeOf(node), clock);
      this.session = session;
      this.#events.opened(session);
      for await (const response of session.responses()) {
        if (session !== this.session) break;
        this.#failures = 0;
        this.#events.received(session, response);
      }
      return "stream ended";
    } catch (error) {
      return reasonOf(error);
    }
  }

  #end(): void {
    this.session?.close();
    this.session = undefined;
  }

  #wait(ms: number): Promise<void> {
    const { clock } = this.#settings;
    return new Promise((resolve) => {
      const timer = clock.setTimer(ms, resolve);
      this.#endWait = () => {
        clock.clearTimer(timer);
        resolve();
      };
    });
  }
}

function reasonOf(error: unknown): string {
  const { rawMessage, message } = Object(error) as {
    readonly rawMessage?: string;
    readonly message?: string;
  };
  return rawMessage || message || String(error);
}

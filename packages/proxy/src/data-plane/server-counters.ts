import type { HttpRequest } from "@pagoda/http";
import type { ServerObserver } from "@pagoda/http/server";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Recorder } from "../recorder/recorder.ts";

/** Reasons with a series of their own: OpenSSL has hundreds, of which few occur. */
const maxReasons = 30;

/** Counts, logs and records what servers answer or refuse before any layer is called. */
export class ServerCounters {
  readonly #active: Gauge<"listener">;
  readonly #total: Counter<"listener" | "state">;
  readonly #refused: Counter<"listener" | "status">;
  readonly #handshakes: Counter<"listener" | "reason">;
  readonly #reasons = new Set<string>();
  readonly #defects: Counter<"listener">;

  readonly #unread: Recorder["unread"];

  /** @param recorder Keeps what is refused. */
  constructor(registry: Registry, recorder: Pick<Recorder, "unread">) {
    this.#unread = recorder.unread.bind(recorder);
    const registers = [registry];
    this.#active = new Gauge({
      name: "connections_active",
      help: "Open client connections",
      labelNames: ["listener"],
      registers,
    });
    this.#total = new Counter({
      name: "connections_total",
      help: "Client connections by state: accepted, rejected",
      labelNames: ["listener", "state"],
      registers,
    });
    this.#refused = new Counter({
      name: "http_requests_refused_total",
      help: "Requests refused before routing because they were malformed, too large or too slow",
      labelNames: ["listener", "status"],
      registers,
    });
    this.#handshakes = new Counter({
      name: "tls_handshakes_failed_total",
      help: "Failed TLS handshakes with clients, by reason",
      labelNames: ["listener", "reason"],
      registers,
    });
    this.#defects = new Counter({
      name: "http_defects_total",
      help: "Requests answered with 500 because of a bug",
      labelNames: ["listener"],
      registers,
    });
  }

  #bounded(reason: string): string {
    if (this.#reasons.size < maxReasons) this.#reasons.add(reason);
    return this.#reasons.has(reason) ? reason : "other";
  }

  /** The events of a server. */
  observe(listener: string, log: Logger): ServerObserver {
    // A counter that appears with its first event has no rate then.
    for (const state of ["accepted", "rejected"]) this.#total.inc({ listener, state }, 0);
    this.#defects.inc({ listener }, 0);
    return {
      connections: (open, change) => {
        this.#active.set({ listener }, open);
        if (change === "opened") this.#total.inc({ listener, state: "accepted" });
      },
      connectionRefused: () => this.#total.inc({ listener, state: "rejected" }),
      requestRefused: (status, reason, client, isCalled) => {
        this.#refused.inc({ listener, status });
        if (!isCalled) this.#unread(listener, { status, kind: String(status), reason, client });
        log.debug({ listener, status, reason, client }, "request refused");
      },
      handshakeFailed: (reason, client) => {
        const kind = this.#bounded(reason);
        this.#handshakes.inc({ listener, reason: kind });
        this.#unread(listener, { kind, reason, client });
        log.debug({ listener, reason, client }, "TLS handshake failed");
      },
      defect: (err: unknown, { method, path }: HttpRequest) => {
        this.#defects.inc({ listener });
        log.error({ err, listener, method, path }, "defect: answered with 500");
      },
    };
  }
}

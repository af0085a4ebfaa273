import type { LiveEvents } from "../../src/live/snapshot.ts";
import { extended } from "./history.ts";
import type { Parts } from "./parts.ts";

export interface Live {
  readonly parts: Parts;
  readonly connection: "connecting" | "open" | "lost";
  /** Milliseconds by which the proxy's clock is ahead of this one. */
  readonly offsetMs: number;
  /** When connecting is tried again, by this clock; only while lost. */
  readonly retryAt: number | undefined;
}

const names = [
  "proxy",
  "stack",
  "figures",
  "clusters",
  "layers",
  "workers",
  "reloads",
  "certificates",
  "history",
] as const satisfies readonly (keyof LiveEvents)[];

/** The first and the longest pause before connecting again, in milliseconds. */
const pauses = { first: 500, longest: 15_000 };
/** Without figures for as long beyond their interval, the connection is lost: a tunnel may have died silently. */
const silenceMs = 10_000;

/** Follows `/live` while the page is visible, and calls back with each change. */
export class LiveConnection {
  #source: EventSource | undefined;
  #live: Live = { parts: {}, connection: "connecting", offsetMs: 0, retryAt: undefined };
  #failures = 0;
  #isDrawing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #closed = new AbortController();
  readonly #changed: (live: Live) => void;

  constructor(changed: (live: Live) => void) {
    this.#changed = changed;
    // A tab that nobody sees costs the proxy nothing.
    const { signal } = this.#closed;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#stop() : this.#connect()), {
      signal,
    });
    if (!document.hidden) this.#connect();
  }

  close(): void {
    this.#closed.abort();
    this.#stop();
  }

  #connect(): void {
    this.#stop();
    if (this.#live.connection === "open") this.#update({ connection: "connecting" });
    const source = new EventSource("/live");
    this.#source = source;
    source.addEventListener("error", () => this.#lost());
    for (const name of names)
      source.addEventListener(name, (event) => this.#take(name, event.data as string));
    source.addEventListener("point", (event) => {
      const { history } = this.#live.parts;
      if (history !== undefined) this.#set({ history: extended(history, JSON.parse(event.data as string)) });
    });
    this.#watch(silenceMs);
  }

  #take(name: (typeof names)[number], data: string): void {
    const part = JSON.parse(data) as LiveEvents[typeof name];
    this.#failures = 0;
    // Another version has another page.
    const { version } = this.#live.parts.proxy ?? {};
    if (name === "proxy" && version !== undefined && version !== (part as LiveEvents["proxy"]).version)
      location.reload();
    if (name === "figures") {
      const { at, everyMs } = part as LiveEvents["figures"];
      this.#live = { ...this.#live, offsetMs: at - Date.now() };
      this.#watch(everyMs + silenceMs);
    }
    this.#set({ [name]: part });
  }

  #set(parts: Parts): void {
    this.#update({ parts: { ...this.#live.parts, ...parts }, connection: "open", retryAt: undefined });
  }

  #update(change: Partial<Live>): void {
    this.#live = { ...this.#live, ...change };
    if (this.#isDrawing) return;
    // The parts of a sample arrive one after the other, and belong together.
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#changed(this.#live);
    });
  }

  #watch(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(), ms);
  }

  /** Instead of the browser's own attempts, which end for good with the first response that is not 200. */
  #lost(): void {
    this.#stop();
    const longest = Math.min(pauses.longest, pauses.first * 2 ** this.#failures++);
    const ms = longest * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#connect(), ms);
    this.#update({ connection: "lost", retryAt: Date.now() + ms });
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }
}

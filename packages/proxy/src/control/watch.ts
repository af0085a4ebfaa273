import { stat } from "node:fs/promises";
import type { Clock, Timer } from "@pagoda/core";

/** Polling interval; a change is reported once it is unchanged at the next poll. */
const lookMs = 500;

/**
 * Reports when files change: replaced, written in place, deleted and recreated, or reached by
 * changed links, as in a mounted ConfigMap or Secret. Polls, because file system notifications are
 * unreliable; a few files cost nothing. Files that are replaced in quick succession count as one
 * change.
 */
export class FileWatch {
  readonly #clock: Clock;
  readonly #changed: () => void;
  #files: readonly string[] = [];
  #seen = "";
  #pending: string | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /**
   * Watches these files instead.
   *
   * @param since Their state when they were read; the present state of those that are not among them.
   */
  async watch(files: readonly string[], since: FileStates = new Map()): Promise<void> {
    this.close();
    this.#files = files;
    this.#pending = undefined;
    const present = await fileStates(files.filter((file) => !since.has(file)));
    const seen = signature(files, new Map([...present, ...since]));
    // Closed meanwhile, or watching other files.
    if (files !== this.#files) return;
    this.#seen = seen;
    if (files.length > 0) this.#again();
  }

  close(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#files = [];
  }

  #again(): void {
    this.#timer = this.#clock.setTimer(lookMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const files = this.#files;
    const now = signature(files, await fileStates(files));
    if (files !== this.#files) return;
    if (now === this.#seen) this.#pending = undefined;
    else if (now !== this.#pending) this.#pending = now;
    else {
      this.#seen = now;
      this.#pending = undefined;
      this.#changed();
    }
    if (files === this.#files) this.#again();
  }
}

/** Attributes that change with a file, by its path. */
export type FileStates = ReadonlyMap<string, string>;

export async function fileStates(files: readonly string[]): Promise<FileStates> {
  const states = files.map((file) =>
    stat(file, { bigint: true }).then(
      ({ ino, size, mtimeNs }) => [file, `${ino} ${size} ${mtimeNs}`] as const,
      (error: NodeJS.ErrnoException) => [file, error.code ?? "unreadable"] as const,
    ),
  );
  return new Map(await Promise.all(states));
}

function signature(files: readonly string[], states: FileStates): string {
  return files.map((file) => states.get(file)).join("\n");
}

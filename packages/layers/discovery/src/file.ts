import { constants, open } from "node:fs/promises";
import {
  checkDuration,
  checkOption,
  type Clock,
  type Endpoint,
  endpointsProblem,
  type Fault,
  systemClock,
  type Timer,
} from "@pagoda/core";
import { type Either, isLeft, left, right } from "fp-ts/lib/Either.js";
import { jsonEntries, type Reading } from "./json.ts";
import { Publisher, type Source, type SourceObserver } from "./source.ts";
import { PathWatch } from "./watch.ts";

/** The file cannot be read: it is not there, or not for this process. */
export interface FileUnreadable extends Fault<"FileUnreadable"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly path: string;
  /** As Node has it: `ENOENT`, `EACCES`, `EISDIR`. */
  readonly code: string;
}

/** The file is invalid, in whole or in part, or only half written. */
export interface FileInvalid extends Fault<"FileInvalid"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly path: string;
  /** A line for each: where in the file, the value, and what would be valid. */
  readonly problems: readonly string[];
  /** Invalid entries are left out, and the others count. Absent: the file is invalid as a whole. */
  readonly partial?: true;
}

export type FileFault = FileUnreadable | FileInvalid;

export interface FileEndpointsOptions<E extends Endpoint = Endpoint> {
  readonly path: string;
  /**
   * Reads the text: a list, or what makes sense of one and what does not. `Left` lists what is wrong with it as a whole,
   * and so does what it throws. Default: {@link jsonEntries}.
   */
  readonly parse?: (text: string) => Either<readonly string[], readonly E[] | Reading<E>>;
  /** The endpoints until the file has been read, such as the last list before a restart. Default: none. */
  readonly initial?: readonly E[];
  /** From the first sign of a change to reading, for changes come in bursts: milliseconds, 0 or more. Default 50. */
  readonly settleMs?: number;
  /** The file is read this often although nothing has told of a change: milliseconds, over 0. Default 10,000. */
  readonly pollMs?: number;
  readonly observer?: SourceObserver<E, FileFault>;
  readonly clock?: Clock;
}

/** What no list needs, and no device or pipe without an end gets past. */
const maxBytes = 16 * 1_024 ** 2;

/**
 * The endpoints that a file lists, followed as the file changes. Use it where people, a deployment or a control plane
 * that writes files say what there is.
 *
 * It may be changed in any way: written in place, replaced by renaming, deleted and made again, or reached by links
 * that change, as in a mounted ConfigMap. It is read after each sign of a change, and every `pollMs` for file systems
 * that give none. What is read counts only if it differs.
 *
 * Invalid entries are left out, and the rest counts. While the file is missing, invalid as a whole or larger than 16 MiB, the
 * last good list stays: only an empty list says that there are no endpoints.
 *
 * Errors: {@link FileFault}, to the observer once for each that is new, and in `started`.
 *
 * Cost: a reading of the file each time; nothing on the path of a call.
 *
 * @throws RangeError when an option is out of range.
 */
export function fileEndpoints<E extends Endpoint>(
  options: FileEndpointsOptions<E> & Required<Pick<FileEndpointsOptions<E>, "parse">>,
): Source<E, FileFault>;
export function fileEndpoints(options: FileEndpointsOptions): Source<Endpoint, FileFault>;
export function fileEndpoints(options: FileEndpointsOptions): Source<Endpoint, FileFault> {
  const {
    path,
    parse = (text) => jsonEntries(text),
    initial,
    settleMs = 50,
    pollMs = 10_000,
    observer,
    clock = systemClock,
  } = options;
  checkOption("fileEndpoints: path", path, path !== "", "the path of a file");
  checkDuration("fileEndpoints: settleMs", settleMs, { min: 0 });
  checkDuration("fileEndpoints: pollMs", pollMs);

  const publisher = new Publisher<Endpoint, FileFault>(clock, observer, initial);
  const reader = new Reader(publisher, { path, parse, settleMs, pollMs, clock });
  const lastError = (): string | undefined =>
    publisher.fault === undefined ? undefined : lineOf(publisher.fault);
  return {
    started: publisher.started,
    get endpoints() {
      return publisher.endpoints;
    },
    get lastError() {
      return lastError();
    },
    subscribe: (changed) => publisher.subscribe(changed),
    state: () => ({
      file: {
        path,
        ...publisher.state(),
        foldersWatched: reader.foldersWatched,
        lastError: lastError() ?? null,
      },
    }),
    close: () => reader.close(),
  };
}

type ReaderOptions = Required<Omit<FileEndpointsOptions, "observer" | "initial">>;

/** What there is, and what has been left out. */
interface Said {
  readonly endpoints: readonly Endpoint[];
  readonly fault: FileInvalid | undefined;
}

/** Reads the file again and again, one reading at a time. */
class Reader {
  readonly #publisher: Publisher<Endpoint, FileFault>;
  readonly #options: ReaderOptions;
  readonly #watch: PathWatch;
  readonly #closing = new AbortController();
  #settling: Timer | undefined;
  #polling: Timer | undefined;
  #isReading = false;
  /** Something changed while it was reading. */
  #isStale = false;
  #text: string | undefined;
  #said: Either<FileFault, Said> | undefined;

  constructor(publisher: Publisher<Endpoint, FileFault>, options: ReaderOptions) {
    this.#publisher = publisher;
    this.#options = options;
    this.#watch = new PathWatch(options.path, this.#stirred);
    this.#look();
  }

  get foldersWatched(): number {
    return this.#watch.size;
  }

  close(): void {
    if (this.#publisher.isClosed) return;
    this.#publisher.close();
    this.#closing.abort();
    this.#watch.close();
    const { clock } = this.#options;
    for (const timer of [this.#settling, this.#polling]) if (timer !== undefined) clock.clearTimer(timer);
  }

  readonly #stirred = (): void => {
    const { clock, settleMs } = this.#options;
    if (this.#publisher.isClosed) return;
    this.#settling ??= clock.setTimer(settleMs, () => {
      this.#settling = undefined;
      this.#look();
    });
  };

  #look(): void {
    if (this.#isReading) {
      this.#isStale = true;
      return;
    }
    this.#isReading = true;
    if (this.#polling !== undefined) this.#options.clock.clearTimer(this.#polling);
    void this.#read();
  }

  async #read(): Promise<void> {
    const { clock, pollMs } = this.#options;
    // Watched first, read then: what changes in between is told.
    await this.#watch.follow();
    const said = await this.#load();
    if (this.#publisher.isClosed) return;
    this.#isReading = false;
    this.#polling = clock.setTimer(pollMs, () => this.#look());
    if (this.#isStale) {
      this.#isStale = false;
      this.#look();
    }
    // Last: a mistake in who listens does not end the source, and who listens may close it.
    if (!isLeft(said)) this.#publisher.succeeded(said.right.endpoints, said.right.fault);
    else if (!isSame(said.left, this.#publisher.fault)) this.#publisher.failed(said.left);
  }

  async #load(): Promise<Either<FileFault, Said>> {
    const { path } = this.#options;
    try {
      const text = await readText(path, this.#closing.signal);
      if (text !== this.#text || this.#said === undefined) {
        this.#text = text;
        this.#said =
          text === undefined
            ? left({ ...this.#invalid, problems: [`the file must be at most ${maxBytes} bytes`] })
            : this.#parse(text);
      }
      return this.#said;
    } catch (cause) {
      const { code = "UNKNOWN" } = cause as NodeJS.ErrnoException;
      return left({ _tag: "FileUnreadable", origin: "local", retryable: true, path, code, cause });
    }
  }

  get #invalid() {
    return { _tag: "FileInvalid", origin: "local", retryable: true, path: this.#options.path } as const;
  }

  #parse(text: string): Either<FileFault, Said> {
    const invalid = this.#invalid;
    try {
      const parsed = this.#options.parse(text);
      if (isLeft(parsed)) return left({ ...invalid, problems: parsed.left });
      const { endpoints, problems } =
        "endpoints" in parsed.right ? parsed.right : { endpoints: parsed.right, problems: [] };
      const problem = endpointsProblem(endpoints);
      if (problem !== undefined) return left({ ...invalid, problems: [problem] });
      return right({
        endpoints,
        fault: problems.length === 0 ? undefined : { ...invalid, problems, partial: true },
      });
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      return left({ ...invalid, problems: [message], cause });
    }
  }
}

/**
 * `undefined`: it is too long. A pipe is not waited for: whoever opens one that nobody writes to waits for ever, and holds a
 * thread of the few that read files and ask the DNS.
 */
async function readText(path: string, signal: AbortSignal): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // One byte more than may be.
  for await (const piece of file.createReadStream({ end: maxBytes, signal })) {
    pieces.push(piece as Buffer);
    length += (piece as Buffer).length;
  }
  return length > maxBytes ? undefined : Buffer.concat(pieces, length).toString("utf8");
}

/** The same trouble as before is not told again at each poll. What a text says wrong is one object until it changes. */
function isSame(fault: FileFault, before: FileFault | undefined): boolean {
  if (before === undefined || fault._tag === "FileInvalid") return fault === before;
  return before._tag === "FileUnreadable" && fault.code === before.code;
}

function lineOf(fault: FileFault): string {
  return fault._tag === "FileUnreadable" ? fault.code : fault.problems.join("\n");
}

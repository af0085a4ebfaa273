import { constants, open } from "node:fs/promises";
import {
  checkDuration,
  checkOption,
  type Clock,
  type Either,
  type Endpoint,
  EndpointPublisher,
  type EndpointSource,
  endpointsProblem,
  type Fault,
  isLeft,
  left,
  right,
  type SourceObserver,
  systemClock,
  type Timer,
} from "@pagoda/core";
import { jsonEntries, type ParsedEntries } from "./json.ts";
import { PathWatch } from "./watch.ts";

/** The file does not exist or cannot be read. */
export interface FileUnreadable extends Fault<"FileUnreadable"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly path: string;
  /** Node's error code: `ENOENT`, `EACCES`, `EISDIR`. */
  readonly code: string;
}

/** The file is invalid, as a whole or in part, or only half written. */
export interface FileInvalid extends Fault<"FileInvalid"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly path: string;
  /** One line per problem: path within the file, what is expected, and the value. */
  readonly problems: readonly string[];
  /** Set if only some entries are invalid and skipped; absent if the whole file is. */
  readonly partial?: true;
}

export type FileFault = FileUnreadable | FileInvalid;

/** Options of {@link fileEndpoints}. */
export interface FileEndpointsOptions<E extends Endpoint = Endpoint> {
  /** The file, or a link to it. */
  readonly path: string;
  /**
   * Parses the text into endpoints, or into valid entries and problems. `Left`, or an exception,
   * makes the whole file invalid. Default: {@link jsonEntries}.
   */
  readonly parse?: (text: string) => Either<readonly string[], readonly E[] | ParsedEntries<E>>;
  /**
   * Endpoints until the file has been read, such as the last list before a restart. Default: none.
   */
  readonly initial?: readonly E[];
  /**
   * Delay between the first sign of a change and the read, as changes come in bursts, in
   * milliseconds: 0 or more. Default 50.
   */
  readonly settleMs?: number;
  /** Interval of reads without any sign of a change, in milliseconds: over 0. Default 10,000. */
  readonly pollMs?: number;
  readonly observer?: SourceObserver<E, FileFault>;
  readonly clock?: Clock;
}

/** Maximum file size, which also bounds reads of endless devices and pipes. */
const maxBytes = 16 * 1_024 ** 2;

/**
 * Discovers the endpoints listed in a file, and follows its changes. Use it for lists that are
 * written by people, a deployment or a control plane.
 *
 * The file may be changed in any way: written in place, replaced by renaming, deleted and
 * recreated, or reached through links that change, as in a mounted ConfigMap. It is read after each
 * sign of a change, and every `pollMs` for file systems that give none.
 *
 * Invalid entries are skipped. While the file is missing, invalid as a whole or larger than 16 MiB,
 * the last good list is kept: only an empty list means that there are no endpoints.
 *
 * Errors: {@link FileFault}, to the observer once per new problem, and in `started`.
 *
 * Cost: one read of the file per change or poll; none per call.
 *
 * @throws RangeError when an option is out of range.
 */
export function fileEndpoints<E extends Endpoint>(
  options: FileEndpointsOptions<E> & Required<Pick<FileEndpointsOptions<E>, "parse">>,
): EndpointSource<E, FileFault>;
export function fileEndpoints(options: FileEndpointsOptions): EndpointSource<Endpoint, FileFault>;
export function fileEndpoints(options: FileEndpointsOptions): EndpointSource<Endpoint, FileFault> {
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

  const publisher = new EndpointPublisher<Endpoint, FileFault>(clock, observer, initial);
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

/** The endpoints of the file, and the fault if some entries were skipped. */
interface Loaded {
  readonly endpoints: readonly Endpoint[];
  readonly fault: FileInvalid | undefined;
}

/** Reads the file repeatedly, one read at a time. */
class Reader {
  readonly #publisher: EndpointPublisher<Endpoint, FileFault>;
  readonly #options: ReaderOptions;
  readonly #watch: PathWatch;
  readonly #closing = new AbortController();
  #settling: Timer | undefined;
  #polling: Timer | undefined;
  #isReading = false;
  /** Whether the file changed during a read. */
  #isStale = false;
  #text: string | undefined;
  #loaded: Either<FileFault, Loaded> | undefined;

  constructor(publisher: EndpointPublisher<Endpoint, FileFault>, options: ReaderOptions) {
    this.#publisher = publisher;
    this.#options = options;
    this.#watch = new PathWatch(options.path, this.#onChange);
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

  readonly #onChange = (): void => {
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
    // Watches before it reads, so that no change in between is missed.
    await this.#watch.follow();
    const loaded = await this.#load();
    if (this.#publisher.isClosed) return;
    this.#isReading = false;
    this.#polling = clock.setTimer(pollMs, () => this.#look());
    if (this.#isStale) {
      this.#isStale = false;
      this.#look();
    }
    // Last, since a listener may throw, which must not stop the source, or close it.
    if (!isLeft(loaded)) this.#publisher.succeeded(loaded.right.endpoints, loaded.right.fault);
    else if (!isSame(loaded.left, this.#publisher.fault)) this.#publisher.failed(loaded.left);
  }

  async #load(): Promise<Either<FileFault, Loaded>> {
    const { path } = this.#options;
    try {
      const text = await readText(path, this.#closing.signal);
      if (text !== this.#text || this.#loaded === undefined) {
        this.#text = text;
        this.#loaded =
          text === undefined
            ? left({ ...this.#invalid, problems: [`the file must be at most ${maxBytes} bytes`] })
            : this.#parse(text);
      }
      return this.#loaded;
    } catch (cause) {
      const { code = "UNKNOWN" } = cause as NodeJS.ErrnoException;
      return left({ _tag: "FileUnreadable", origin: "local", retryable: true, path, code, cause });
    }
  }

  get #invalid() {
    return { _tag: "FileInvalid", origin: "local", retryable: true, path: this.#options.path } as const;
  }

  #parse(text: string): Either<FileFault, Loaded> {
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
 * Reads a file; returns `undefined` if it is too long. Does not block on a pipe: opening one
 * without a writer would wait forever, and occupy one of the few threads for file and DNS
 * operations.
 */
async function readText(path: string, signal: AbortSignal): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // `end` is inclusive, so this reads one byte more than allowed.
  for await (const piece of file.createReadStream({ end: maxBytes, signal })) {
    pieces.push(piece as Buffer);
    length += (piece as Buffer).length;
  }
  return length > maxBytes ? undefined : Buffer.concat(pieces, length).toString("utf8");
}

/**
 * A persistent problem is reported once, not at each poll. The fault of a text is one object until
 * the text changes.
 */
function isSame(fault: FileFault, before: FileFault | undefined): boolean {
  if (before === undefined || fault._tag === "FileInvalid") return fault === before;
  return before._tag === "FileUnreadable" && fault.code === before.code;
}

function lineOf(fault: FileFault): string {
  return fault._tag === "FileUnreadable" ? fault.code : fault.problems.join("\n");
}

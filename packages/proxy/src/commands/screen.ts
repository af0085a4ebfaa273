import type { ReadStream, WriteStream } from "node:tty";

const enter = "\u001B[?1049h\u001B[?25l";
const leave = "\u001B[?25h\u001B[?1049l";
const top = "\u001B[H";
/** Lines are cleared one by one, because a screen that is cleared at once flickers. */
const clearLine = "\u001B[K";
const clearRest = "\u001B[J";

/** Exit codes of a shell for a process that a signal ended. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * The whole terminal, on a second page, so that what was on it comes back. It ends with q, Ctrl-C or a
 * signal; {@link Screen.close} must follow.
 */
export class Screen {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #ending = new AbortController();
  #shown = "";
  #code = 0;

  constructor(input: ReadStream, output: WriteStream) {
    this.#input = input;
    this.#output = output;
    output.write(enter);
    output.on("resize", this.#draw);
    if (input.isTTY) {
      input.setRawMode(true);
      input.on("data", this.#typed).resume();
    }
    for (const [signal, code] of Object.entries(signals)) process.once(signal, () => this.#end(code));
  }

  /** Aborted when it ends. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** The exit code that its end calls for. */
  get code(): number {
    return this.#code;
  }

  /** Replaces what it shows. What does not fit is cut off. */
  show(text: string): void {
    this.#shown = text;
    this.#draw();
  }

  /** Restores the terminal. */
  close(): void {
    const input = this.#input;
    if (input.isTTY) {
      input.setRawMode(false);
      input.off("data", this.#typed).pause();
    }
    this.#output.off("resize", this.#draw);
    this.#output.write(leave);
  }

  readonly #draw = (): void => {
    const { columns, rows } = this.#output;
    const lines = fitted(this.#shown, columns, rows).map((line) => `${clearLine}${line}`);
    this.#output.write(`${top}${lines.join("\n")}${clearRest}`);
  };

  readonly #typed = (keys: Buffer): void => {
    const text = keys.toString();
    // In raw mode the terminal sends no signal.
    if (text.includes("q") || text.includes("\u0003")) this.#end(0);
  };

  #end(code: number): void {
    this.#code = code;
    this.#ending.abort();
  }
}

/** The lines of a text that fit into a terminal; the last one says how many do not. */
export function fitted(text: string, columns: number, rows: number): readonly string[] {
  const lines = text.split("\n");
  const shown =
    lines.length <= rows
      ? lines
      : [...lines.slice(0, rows - 1), `(${lines.length - rows + 1} more lines: enlarge the window)`];
  return shown.map((line) => line.slice(0, columns));
}

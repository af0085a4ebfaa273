import { isLeft } from "@pagoda/core";
import { adminOf, unreachable } from "./admin-client.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";

const timeoutMs = 10_000;
const mostListed = 1_000;
/** A later slow or retried request is told instead of a failed one that is this much older, in milliseconds. */
const muchOlderMs = 60_000;

const options = {
  config: { type: "string", short: "c" },
  admin: { type: "string" },
  last: { type: "boolean" },
  all: { type: "boolean" },
  reason: { type: "string" },
  route: { type: "string" },
  cluster: { type: "string" },
  status: { type: "string" },
  endpoint: { type: "string" },
} as const;

/** `pagoda why`: tells what happened to a request. */
export const why: Command = {
  usage:
    "why [-c FILE | --admin URL] [ID | --last | --all] [--reason failed|refused|slow|recovered|sampled|unread] [--route NAME] [--cluster NAME] [--status 5xx] [--endpoint URL]",
  about:
    "Tells what happened to a request, by its request id or trace id; `--last`: to the last one that failed or was refused, or to a slow or retried one that came much later. Without either, counts the kept ones by cause; `--all`: lists each.",
  async run(args, io) {
    const flags = parsed(args, options);
    if (typeof flags === "string") return wrong(io, flags);
    const { config, admin, last = false, all = false, ...filters } = flags.values;
    const [id, unexpected] = flags.positionals;
    if (unexpected !== undefined) return wrong(io, `unknown argument "${unexpected}"`);
    if (id !== undefined && (last || all || Object.keys(filters).length > 0))
      return wrong(io, "an ID must be the only argument");
    if (last && all) return wrong(io, "--last and --all exclude each other");
    const url = adminOf({ file: config, env: io.env, url: admin });
    if (isLeft(url)) {
      for (const problem of url.left) io.stderr(`pagoda why: ${problem}\n`);
      return usageError;
    }
    const base = url.right;
    if (last) return showLast(base, filters, io);
    const page =
      id === undefined
        ? `/requests?${new URLSearchParams({ ...filters, ...(all && everyOne) }).toString()}`
        : `/requests/${encodeURIComponent(id)}`;
    return show(`${base}${page}`, io);
  },
};

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda why: ${message}; see pagoda --help\n`);
  return usageError;
}

const everyOne = { all: "true", limit: String(mostListed) };

/** What an operator asks about first, and what is of interest otherwise. */
const foremost = ["failed,refused", "slow,recovered"];

interface Found {
  readonly id: string;
  readonly time: string;
}

/**
 * Tells what happened to the last call that failed or was refused, or else to the last slow or recovered
 * one. If one of these came later, it is named, too: it may be what the operator looks for. If it came much
 * later, it is told, and the failed one is named: what happens now comes before what is over.
 */
async function showLast(
  base: string,
  filters: Readonly<Record<string, string>>,
  io: CommandIo,
): Promise<number> {
  const last: Found[] = [];
  for (const reason of filters["reason"] === undefined ? foremost : [filters["reason"]]) {
    const found = await newest(`${base}/requests?${query({ ...filters, reason })}`, io);
    if (found === undefined) return 1;
    last.push(...found);
  }
  const [first, second] = last;
  const isOver = first !== undefined && second !== undefined && betweenMs(first, second) > muchOlderMs;
  const [told, other] = isOver ? [second, first] : [first, second];
  if (told === undefined) {
    io.stdout("no requests are kept that match\n");
    return 1;
  }
  const code = await show(`${base}/requests/${encodeURIComponent(told.id)}`, io);
  if (other === undefined || (!isOver && other.time <= told.time)) return code;
  io.stdout(
    isOver ? "\nan earlier one failed or was refused:\n" : "\na later one was slow or needed a retry:\n",
  );
  const reason = foremost[isOver ? 0 : 1] as string;
  return show(`${base}/requests?${query({ ...filters, reason })}`, io);
}

/** Milliseconds from the start of one call to that of another. */
function betweenMs(one: Found, other: Found): number {
  return Date.parse(other.time) - Date.parse(one.time);
}

/** The last call that matches, if there is one; undefined if the proxy did not answer. */
async function newest(url: string, io: CommandIo): Promise<readonly Found[] | undefined> {
  const response = await asked(url, "application/json", io);
  if (response?.ok === false) io.stderr(await response.text());
  return response?.ok === true ? ((await response.json()) as readonly Found[]) : undefined;
}

function query(filters: Readonly<Record<string, string>>): string {
  return new URLSearchParams({ ...filters, all: "true", limit: "1" }).toString();
}

async function show(url: string, io: CommandIo): Promise<number> {
  const response = await asked(url, "text/plain", io);
  if (response === undefined) return 1;
  const text = await response.text();
  if (response.ok) io.stdout(text);
  else io.stderr(text);
  return response.ok ? 0 : 1;
}

async function asked(url: string, accept: string, io: CommandIo): Promise<Response | undefined> {
  try {
    return await fetch(url, { headers: { accept }, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    io.stderr(unreachable(url, error));
    return undefined;
  }
}

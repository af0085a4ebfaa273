import { isLeft } from "@pagoda/core";
import { adminOf, unreachable } from "./admin-client.ts";
import { type Command, type CommandIo, parsed, usageError } from "./command.ts";

const timeoutMs = 10_000;
const listed = 10;

const options = {
  config: { type: "string", short: "c" },
  admin: { type: "string" },
  last: { type: "boolean" },
  reason: { type: "string" },
  route: { type: "string" },
  cluster: { type: "string" },
  status: { type: "string" },
  endpoint: { type: "string" },
} as const;

/** `pagoda why`: tells what happened to a request. */
export const why: Command = {
  usage:
    "why [-c FILE | --admin URL] [ID | --last] [--reason failed|refused|slow|recovered|sampled|unread] [--route NAME] [--cluster NAME] [--status 5xx] [--endpoint URL]",
  about:
    "Tells what happened to a request, by its request id or trace id; `--last`: to the last one that failed or was refused, else to the last slow or retried one. Without either, lists the last ones.",
  async run(args, io) {
    const flags = parsed(args, options);
    if (typeof flags === "string") return wrong(io, flags);
    const { config, admin, last = false, ...filters } = flags.values;
    const [id, unexpected] = flags.positionals;
    if (unexpected !== undefined) return wrong(io, `unknown argument "${unexpected}"`);
    if (id !== undefined && (last || Object.keys(filters).length > 0))
      return wrong(io, "an ID must be the only argument");
    const url = adminOf({ file: config, env: io.env, url: admin });
    if (isLeft(url)) {
      for (const problem of url.left) io.stderr(`pagoda why: ${problem}\n`);
      return usageError;
    }
    const base = url.right;
    if (last) return showLast(base, filters, io);
    const page =
      id === undefined
        ? `/requests?${new URLSearchParams({ ...filters, limit: String(listed) }).toString()}`
        : `/requests/${encodeURIComponent(id)}`;
    return show(`${base}${page}`, io);
  },
};

function wrong(io: CommandIo, message: string): number {
  io.stderr(`pagoda why: ${message}; see pagoda --help\n`);
  return usageError;
}

/** What an operator asks about first, and what is of interest otherwise. */
const foremost = ["failed,refused", "slow,recovered"];

interface Found {
  readonly id: string;
  readonly time: string;
}

/**
 * Tells what happened to the last call that failed or was refused, or else to the last slow or recovered
 * one. If one of these came later, it is named, too: it may be what the operator looks for.
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
  const [told, other] = last;
  if (told === undefined) {
    io.stdout("no requests are kept that match\n");
    return 1;
  }
  const code = await show(`${base}/requests/${encodeURIComponent(told.id)}`, io);
  if (other === undefined || other.time <= told.time) return code;
  io.stdout("\na later one was slow or needed a retry:\n");
  return show(`${base}/requests?${query({ ...filters, reason: "slow,recovered" })}`, io);
}

/** The last call that matches, if there is one; undefined if the proxy did not answer. */
async function newest(url: string, io: CommandIo): Promise<readonly Found[] | undefined> {
  const response = await asked(url, "application/json", io);
  if (response?.ok === false) io.stderr(await response.text());
  return response?.ok === true ? ((await response.json()) as readonly Found[]) : undefined;
}

function query(filters: Readonly<Record<string, string>>): string {
  return new URLSearchParams({ ...filters, limit: "1" }).toString();
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

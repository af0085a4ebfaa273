// Runs both commands of the README on a fresh machine: a minimal Debian.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, realpathSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { command, track } from "../command.ts";
import { root as repository } from "../workspace.ts";
import { inside, type Place } from "./bare/inside.ts";
import { addClone, makeRoot, ordinary, superuser, whyNoRoot } from "./bare/root.ts";
import { failed, faultless, type Outcome, passed, skipped, type Step } from "./outcome.ts";

const title = "a bare Debian with Node 20";
/** An installation takes a minute on an idle machine. */
const limitMs = 1_800_000;

export const bare: Step = {
  name: "bare machine",
  async run() {
    const reason = whyNoRoot();
    if (reason !== undefined) return [skipped(title, reason)];
    const directory = realpathSync(mkdtempSync(join(tmpdir(), "pagoda-bare-")));
    try {
      const root = await makeRoot(directory);
      const inHome: Place = { owner: superuser, folder: "/root/pagoda" };
      const inFolder: Place = { owner: ordinary, folder: `${ordinary.home}/a folder/pagoda` };
      const outcomes = await Promise.all([
        commandOutcomes(root, inHome, ["timeout"]),
        commandOutcomes(root, inFolder, testsOfPrograms()),
      ]);
      return outcomes.flat();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** The tests that use programs of the system, which are missing there. */
function testsOfPrograms(): readonly string[] {
  return globSync("packages/proxy/test/**/*.test.ts", { cwd: repository }).filter((file) =>
    /from "[^"]*\/system\.ts"|\b(?:need|needs|skipWithout\w*)\(/u.test(
      readFileSync(join(repository, file), "utf8"),
    ),
  );
}

async function commandOutcomes(root: string, place: Place, tested: readonly string[]): Promise<Outcome[]> {
  await addClone(root, place.folder, place.owner);
  const where = `on ${title}, as ${place.owner.name} in "${place.folder}"`;
  return [
    await interruptOutcome(`SIGTERM while npm start installs ${where}`, root, place),
    await startOutcome(`npm start ${where}`, root, place),
    await testOutcome(`npm test ${tested[0]}${tested.length > 1 ? " …" : ""} ${where}`, root, place, tested),
  ];
}

/** Runs `npm start` until it ends or a line arrives on standard input; exits once all processes have ended. */
const serve = `
exec 3<&0
npm start & started=$!
{ read -r _; kill -TERM $started; } <&3 & ending=$!
wait $started
kill $ending 2>/dev/null
while set -- /proc/[0-9]*; [ $# -gt 1 ]; do sleep 0.1; done`;

function served(root: string, place: Place): ChildProcessWithoutNullStreams {
  const [program, args] = inside(root, place, serve);
  const options = { detached: true, timeout: limitMs, killSignal: "SIGKILL" } as const;
  const child = track(() => spawn(program, args, options));
  // It may have ended by itself.
  child.stdin.on("error", () => {});
  return child;
}

/** The signal ends the installation, and the proxy does not start. */
async function interruptOutcome(name: string, root: string, place: Place): Promise<Outcome> {
  const child = served(root, place);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  // The installation has begun when node_modules appears.
  const watcher = watch(join(root, place.folder), () => child.stdin.write("\n"));
  // A signal means that a process was left and the time limit killed the group.
  const [, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  watcher.close();
  const isOver = signal === null && !output.includes("listening on");
  return isOver ? passed(name) : failed(name, endOf(output));
}

/** It installs, serves and finally drains. */
async function startOutcome(name: string, root: string, place: Place): Promise<Outcome> {
  const child = served(root, place);
  const ended = once(child, "close");
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  let answer = "it did not listen";
  for await (const line of createInterface({ input: child.stdout })) {
    output += `${line}\n`;
    const [, url] = /"msg":"listening on (http:[^, ]+)/u.exec(line) ?? [];
    if (url === undefined) continue;
    // The root shares this machine's network.
    answer = await fetch(url).then(
      ({ status }) => `${status}`,
      (error: unknown) => String(error),
    );
    child.stdin.write("\n");
  }
  await ended;
  return answer === "200" && output.includes('"msg":"drained"')
    ? passed(name)
    : failed(name, `${answer}\n${endOf(output)}`);
}

async function testOutcome(
  name: string,
  root: string,
  place: Place,
  tested: readonly string[],
): Promise<Outcome> {
  const [program, args] = inside(root, place, `npm test ${tested.join(" ")}`);
  const { code, output } = await command(program, args, { timeoutMs: limitMs });
  const sum = output.split("\n").at(-1) ?? "";
  const isRight = code === 0 && /^\d+ passed, 0 failed(, \d+ skipped)?$/u.test(sum);
  return faultless(name, isRight ? [] : [endOf(output)]);
}

function endOf(output: string): string {
  return output.split("\n").slice(-200).join("\n");
}

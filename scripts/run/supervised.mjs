import { constants } from "node:os";

const signals = ["SIGTERM", "SIGINT", "SIGHUP"];
/** How long a group has to end before it is killed. */
const graceMs = 5_000;
const lookMs = 50;

/**
 * Waits for a child process, and passes on to it the signals that come meanwhile. The signal that ends a group ends
 * this process too, as soon as nothing of the group is left.
 *
 * @returns How it ended: `error` when it could not start.
 */
export async function supervised(child, { isGroup = false } = {}) {
  let received;
  const pass = (signal) => {
    received ??= signal;
    if (isGroup) killGroup(child.pid, signal);
    else child.kill(signal);
  };
  // From a terminal a child in our group has SIGINT already; from a supervisor it has not.
  const onSignal = (signal) => {
    if (isGroup || signal !== "SIGINT" || !process.stdin.isTTY) pass(signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  // npm passes a signal to a shell, and some shells end of it without a word to us.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    pass("SIGTERM");
  }, 250);
  watch.unref();

  const end = await new Promise((resolve) => {
    child.on("error", (error) => resolve({ error, code: null, signal: null }));
    child.on("exit", (code, signal) => resolve({ error: undefined, code, signal }));
  });
  if (isGroup && received !== undefined) await groupEnd(child.pid);
  clearInterval(watch);
  for (const signal of signals) process.off(signal, onSignal);
  if (isGroup && received !== undefined) {
    process.exitCode = 128 + constants.signals[received];
    process.kill(process.pid, received);
  }
  return end;
}

async function groupEnd(group) {
  for (let waitedMs = 0; killGroup(group, 0); waitedMs += lookMs) {
    if (waitedMs >= graceMs) return void killGroup(group, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

/** Whether there was anything left to signal. */
function killGroup(group, signal) {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

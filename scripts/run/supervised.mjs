import { constants } from "node:os";

const signals = ["SIGTERM", "SIGINT", "SIGHUP"];
/** How long a group has to end before it is killed. */
const graceMs = 5_000;
const lookMs = 50;

/** Read before anything is started: the parent may be gone by then. */
const parent = process.ppid;

/**
 * Starts a child process, waits for its end, and passes on to it the signals that come meanwhile. The signal that ends a
 * group ends this process too, as soon as nothing of the group is left.
 *
 * @returns How it ended: `error` when it could not start.
 */
export async function supervised(start, { isGroup = false } = {}) {
  let child;
  let received;
  let impatience;
  const pass = (signal) => {
    if (!isGroup) return void child.kill(signal);
    received ??= signal;
    impatience ??= setTimeout(() => killGroup(child.pid, "SIGKILL"), graceMs);
    killGroup(child.pid, signal);
  };
  // From a terminal a child in our group has SIGINT already; from a supervisor it has not.
  const onSignal = (signal) => {
    if (isGroup || signal !== "SIGINT" || !process.stdin.isTTY) pass(signal);
  };
  // Before the child is there: a signal that came in between would leave it behind.
  for (const signal of signals) process.on(signal, onSignal);
  // npm passes a signal to a shell, and some shells end of it without a word to us.
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    pass("SIGTERM");
  }, 250);
  watch.unref();

  child = start();
  const end = await new Promise((resolve) => {
    child.on("error", (error) => resolve({ error, code: null, signal: null }));
    child.on("exit", (code, signal) => resolve({ error: undefined, code, signal }));
  });
  if (received !== undefined) await groupEnd(child.pid);
  clearTimeout(impatience);
  clearInterval(watch);
  for (const signal of signals) process.off(signal, onSignal);
  if (received !== undefined) {
    process.exitCode = 128 + constants.signals[received];
    process.kill(process.pid, received);
  }
  return end;
}

/** Or twice the time that it has: what cannot be killed is not waited for. */
async function groupEnd(group) {
  for (let waitedMs = 0; waitedMs < 2 * graceMs && killGroup(group, 0); waitedMs += lookMs)
    await new Promise((resolve) => setTimeout(resolve, lookMs));
}

/** Whether there was anything left to signal. */
function killGroup(group, signal) {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

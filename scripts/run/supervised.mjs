import { constants } from "node:os";

const signals = ["SIGTERM", "SIGINT", "SIGHUP"];
/** How long a process group has to end before it is killed. */
const graceMs = 5_000;
const lookMs = 50;

/** Read at the start: the parent may have exited later. */
const parent = process.ppid;

/**
 * Starts a child process, waits for its end, and forwards the signals received meanwhile. A signal that ends a group also
 * ends this process, once nothing of the group is left.
 *
 * @returns How it ended: `error` if it could not start.
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
  // A terminal sends SIGINT to the whole group, the child included; a supervisor does not.
  const onSignal = (signal) => {
    if (isGroup || signal !== "SIGINT" || !process.stdin.isTTY) pass(signal);
  };
  // Before the start, so that a signal in between does not leave the child behind.
  for (const signal of signals) process.on(signal, onSignal);
  // npm sends a signal to a shell, and some shells exit without forwarding it.
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

/** Waits for the end of the group, at most twice its grace period. */
async function groupEnd(group) {
  for (let waitedMs = 0; waitedMs < 2 * graceMs && killGroup(group, 0); waitedMs += lookMs)
    await new Promise((resolve) => setTimeout(resolve, lookMs));
}

/** Whether any process was left to signal. */
function killGroup(group, signal) {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

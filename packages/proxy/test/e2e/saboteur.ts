// Loaded before the program's modules, makes worker 0 fail on a signal of the test, which cannot be
// done from outside.
if (/control\/entry\.[jt]s$/.test(process.argv[1] ?? "") && process.argv[2] === "0") {
  process.on("SIGUSR2", () => {
    throw new Error("sabotage");
  });
  process.on("SIGWINCH", fill);
  process.on("SIGPWR", () => {
    for (;;);
  });
}

function fill(): void {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 1_000 }, () => ({})));
}

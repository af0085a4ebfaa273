import { cpus as cpuCount } from "node:os";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { usableCpus } from "../../src/control/cpus.ts";

/** A machine with sixteen cores and these files. */
function cpus(files: Readonly<Record<string, string>>): number {
  return usableCpus({
    cores: 16,
    read(path) {
      const text = files[path];
      if (text === undefined) throw new Error(`ENOENT: ${path}`);
      return text;
    },
  });
}

test.each<[string, Readonly<Record<string, string>>, number]>([
  ["no control groups", {}, 16],
  ["no limit", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n" }, 16],
  ["a container", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "200000 100000\n" }, 2],
  ["a part of a CPU", { "/sys/fs/cgroup/cpu.max": "10000 100000\n" }, 1],
  ["a CPU and a half", { "/sys/fs/cgroup/cpu.max": "150000 100000\n" }, 2],
  ["a quota above the number of cores", { "/sys/fs/cgroup/cpu.max": "3200000 100000\n" }, 16],
  ["a CPU affinity", { "/proc/self/status": "Cpus_allowed:\tf0f\nCpus_allowed_list:\t0-3,8-10,15\n" }, 8],
  [
    "a systemd service",
    {
      "/proc/self/cgroup": "0::/system.slice/pagoda.service\n",
      "/sys/fs/cgroup/system.slice/pagoda.service/cpu.max": "400000 100000\n",
    },
    4,
  ],
  [
    "a control group inside a smaller one",
    {
      "/proc/self/cgroup": "0::/pod/container\n",
      "/sys/fs/cgroup/pod/container/cpu.max": "max 100000\n",
      "/sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
    },
    3,
  ],
  [
    "version 1, called by its name outside",
    {
      "/proc/self/cgroup": "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n0::/\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "250000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    },
    3,
  ],
  [
    "version 1 without a limit",
    {
      "/proc/self/cgroup": "1:cpu:/\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    },
    16,
  ],
])("the CPU count is right for %s", (_, files, expected) => {
  expect(cpus(files)).toBe(expected);
});

// Defect: libuv counts a quota of 1.5 CPUs as one core, so rounding up had no effect.
test("a quota is rounded up, where the system rounds down", () => {
  const files: Readonly<Record<string, string>> = {
    "/proc/self/status": "Cpus_allowed_list:\t0-15\n",
    "/sys/fs/cgroup/cpu.max": "150000 100000\n",
  };
  expect(usableCpus({ cores: 1, read: (path) => files[path] ?? "" })).toBe(2);
});

test("the CPU count is between one and the number of cores, whatever the files contain", () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom("0 0", "max", "-1", "1e9 1", "NaN NaN", "1 0"),
    fc.tuple(fc.integer(), fc.integer()).map((pair) => pair.join(" ")),
  );
  fc.assert(
    fc.property(text, text, text, text, (group, max, quota, period) => {
      const found = cpus({
        "/proc/self/cgroup": `0::/${group}\n`,
        "/sys/fs/cgroup/cpu.max": max,
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": quota,
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": period,
      });
      expect(Number.isInteger(found) && found >= 1 && found <= 16).toBe(true);
    }),
  );
});

test("the CPU count of this machine does not exceed its parallelism", () => {
  expect(usableCpus()).toBeGreaterThanOrEqual(1);
  expect(usableCpus()).toBeLessThanOrEqual(cpuCount().length);
});

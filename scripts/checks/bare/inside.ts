import { type Account, isolation, npmSettings } from "./root.ts";

/** Who does it, and in which folder. */
export interface Place {
  readonly owner: Account;
  readonly folder: string;
}

/** Runs as `sh -c` with the root, the user, and what runs there. */
const enter = `
root=$0 user=$1
shift
mount -t proc proc "$root/proc" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" && exec chroot "--userspec=$user" "$root" "$@"`;

/** A program and its arguments: runs a shell script in the root, with nothing of this machine but the way to the registry. */
export function inside(
  root: string,
  { owner, folder }: Place,
  script: string,
): [program: string, args: readonly string[]] {
  const environment = {
    HOME: owner.home,
    USER: owner.name,
    PATH: "/usr/local/bin:/usr/bin:/bin",
    PROXY_LISTEN_ADDR: "127.0.0.1:0",
    PROXY_METRICS_ADDR: "127.0.0.1:0",
    ...npmSettings(),
  };
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const shell = ["sh", "-c", `cd "$0" && { ${script}; }`, folder];
  return [
    "unshare",
    [...isolation, "sh", "-c", enter, root, owner.name, "env", "-i", ...variables, ...shell],
  ];
}

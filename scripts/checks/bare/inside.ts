import { type Account, isolation, npmSettings } from "./root.ts";

/** The user and the folder. */
export interface Place {
  readonly owner: Account;
  readonly folder: string;
}

/** A script for `sh -c` whose arguments are the root, the user and the command. */
const enter = `
root=$0 user=$1
shift
mount -t proc proc "$root/proc" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" && exec chroot "--userspec=$user" "$root" "$@"`;

/** The program and arguments that run a shell script in the root with only the registry settings of this machine. */
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

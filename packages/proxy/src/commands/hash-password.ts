import { text } from "node:stream/consumers";
import { hashPassword as hash } from "@pagoda/basic-auth";
import { type Command, usageError } from "./command.ts";

/**
 * `pagoda hash-password`: hashes a password for `basicAuth`.
 *
 * @param stdin Called only by this command: reading standard input is up to it.
 */
export function hashPassword(stdin: () => AsyncIterable<Uint8Array | string>): Command {
  return {
    usage: "hash-password",
    about: "Reads a password from standard input, and prints its hash for `basicAuth`.",
    async run(args, io) {
      if (args.length > 0) {
        // An argument would be visible to all users of the machine, and may be the password.
        io.stderr("pagoda hash-password: takes no arguments; write the password to standard input\n");
        return usageError;
      }
      // The newline that `echo` and terminals append.
      const password = (await text(stdin())).replace(/\r?\n$/, "");
      if (password === "") {
        io.stderr("pagoda hash-password: the password is empty\n");
        return usageError;
      }
      io.stdout(`${await hash(password)}\n`);
      return 0;
    },
  };
}

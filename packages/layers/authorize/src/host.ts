/** A name or an address, and a port: nothing that one reader could take for a name and another for something else. */
const readable = /^(?:\[[\dA-Fa-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::\d*)?$/;

/** The host of an authority as rules name it: in lower case, without port and without the root's dot. */
export function hostOf(authority: string): string | undefined {
  if (!readable.test(authority)) return undefined;
  const end = authority.startsWith("[") ? authority.indexOf("]") + 1 : authority.indexOf(":");
  const host = end > 0 ? authority.slice(0, end) : authority;
  return (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase();
}

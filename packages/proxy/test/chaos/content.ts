/** What the body of a call with this id must be: nothing of another call's, nothing missing, nothing twice. */
export function contentOf(id: string, length: number): Buffer {
  return Buffer.alloc(length, `${id}.`);
}

export function isContentOf(id: string, bytes: Buffer, length: number): boolean {
  return bytes.length === length && bytes.equals(contentOf(id, length));
}

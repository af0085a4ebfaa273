/** The expected body of a call with this id, which shows mixed-up, missing and repeated bytes. */
export function contentOf(id: string, length: number): Buffer {
  return Buffer.alloc(length, `${id}.`);
}

export function isContentOf(id: string, bytes: Buffer, length: number): boolean {
  return bytes.length === length && bytes.equals(contentOf(id, length));
}

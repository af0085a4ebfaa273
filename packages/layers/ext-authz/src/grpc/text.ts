import { utf8Bytes } from "@pagoda/http";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes UTF-8; undefined for bytes that are not. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const ascii = /^[\0-\x7f]*$/;

/** The text of a field value, each of whose characters is a byte: UTF-8 or, if it is not, Latin-1. */
export function fieldText(value: string): string {
  if (ascii.test(value)) return value;
  return textOf(Uint8Array.from(value, (character) => character.charCodeAt(0))) ?? value;
}

/** The field value of a text, in UTF-8. */
export function fieldValue(text: string): string {
  if (ascii.test(text)) return text;
  return Array.from(utf8Bytes(text), (byte) => String.fromCharCode(byte)).join("");
}

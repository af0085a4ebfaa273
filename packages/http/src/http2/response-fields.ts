import { FieldBlock } from "./field-block.ts";

/** Largest list of fields. The client announces it, and drops longer ones. */
export const maxFields = 65_536;

const statusCode = /^[1-9]\d\d$/;

/** The fields of a response, or its trailers. */
export class ResponseFields extends FieldBlock {
  /** 0 for trailers. */
  status = 0;

  constructor() {
    super(maxFields);
  }

  /** Begins another block. */
  begin(): void {
    this.reset();
    this.fields = [];
    this.status = 0;
  }

  protected pseudo(name: string, value: string): void {
    if (name !== ":status" || this.status !== 0 || this.fields.length > 0)
      return this.broken("pseudo-fields", `misplaced pseudo-header field ${JSON.stringify(name)}`);
    if (!statusCode.test(value)) return this.broken("status", `invalid status ${JSON.stringify(value)}`);
    this.status = Number(value);
  }

  protected ofRequest(): boolean {
    return true;
  }

  protected tooLong(): void {
    this.broken("fields-too-long", "too many header fields");
  }
}

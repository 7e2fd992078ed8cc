import { SluiceError } from "../../core/errors.ts";

export interface TextLine {
  /** Counted from 1, empty ones too. */
  readonly number: number;
  readonly text: string;
}

const NEW_LINE = 0x0a;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The lines of a text that arrives in pieces, without empty ones: no more than one line and one piece is in memory.
 * @param param what the text is called in errors, which name the line in it
 * @throws SluiceError `payload_too_large` for a line that is too long, `invalid_json` for one that is not UTF-8
 */
export async function* textLines(
  pieces: AsyncIterable<Uint8Array>,
  mostLineBytes: number,
  param: string,
): AsyncGenerator<TextLine> {
  let number = 1;
  let begun: Uint8Array[] = [];
  let length = 0;
  const add = (part: Uint8Array): void => {
    length += part.byteLength;
    if (length > mostLineBytes) {
      const message = `Line ${number} has more than ${mostLineBytes} bytes.`;
      throw new SluiceError("payload_too_large", message, { param: nameOf(param, number) });
    }
    begun.push(part);
  };
  const end = (): TextLine => {
    const [only] = begun;
    const line = {
      number,
      text: decoded(begun.length === 1 && only ? only : Buffer.concat(begun), number, param),
    };
    number += 1;
    begun = [];
    length = 0;
    return line;
  };
  for await (const piece of pieces) {
    for (let from = 0; ; ) {
      const at = piece.indexOf(NEW_LINE, from);
      if (at === -1) {
        add(piece.subarray(from));
        break;
      }
      add(piece.subarray(from, at));
      const line = end();
      if (line.text.trim() !== "") yield line;
      from = at + 1;
    }
  }
  const last = end();
  if (last.text.trim() !== "") yield last;
}

function decoded(bytes: Uint8Array, number: number, param: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new SluiceError("invalid_json", `Line ${number} is not UTF-8.`, {
      param: nameOf(param, number),
      cause,
    });
  }
}

const nameOf = (param: string, number: number): string => `${param}[${number - 1}]`;

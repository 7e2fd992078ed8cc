const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Of a longer text it is not looked at whether what closed it is JSON: four times what 128K tokens come to. */
const MOST_CHARS = 2 * 1024 * 1024;

/** A JSON object that comes in pieces. Each sign is looked at once, however many pieces there are. */
export class GrowingObject {
  #text = "";
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Its last bracket was closed. */
  #isClosed = false;
  #isWhole = false;

  /** True when nothing can be added to it. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  add(piece: string): void {
    if (this.#isClosed) {
      // What goes on behind its end was no object.
      if (piece.trim() !== "") this.#isWhole = false;
      return;
    }
    this.#text = this.#text.length > MOST_CHARS ? this.#text : this.#text + piece;
    for (let at = 0; at < piece.length; at += 1) {
      if (!this.#take(piece.charCodeAt(at))) continue;
      this.#isClosed = true;
      this.#isWhole = piece.slice(at + 1).trim() === "" && isObject(this.#text);
      this.#text = "";
      return;
    }
  }

  /** True for the bracket that closes it. */
  #take(sign: number): boolean {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isInString) {
      if (sign === BACKSLASH) this.#isEscaped = true;
      else if (sign === QUOTE) this.#isInString = false;
    } else if (sign === QUOTE) this.#isInString = true;
    else if (sign === OPEN_OBJECT || sign === OPEN_LIST) this.#depth += 1;
    else if (sign === CLOSE_OBJECT || sign === CLOSE_LIST) {
      this.#depth -= 1;
      return this.#depth <= 0;
    }
    return false;
  }
}

function isObject(text: string): boolean {
  if (text.length > MOST_CHARS) return true;
  try {
    JSON.parse(text);
    return text.trimStart().startsWith("{");
  } catch {
    return false;
  }
}

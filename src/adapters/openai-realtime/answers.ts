/** What was put into a conversation, counted from its beginning. */
export interface Put {
  readonly typedBytes: number;
  readonly heardTokens: number;
  readonly images: number;
}

/** An answer that was asked for, or is being given. */
export interface Answer {
  /** What had been put into the conversation when it was asked for, or began by itself. */
  readonly put: Put;
  /** How often it reads that. */
  readonly times: number;
  soundChars: number;
  textChars: number;
}

/** Ends are remembered for so many answers: one that is told again is not charged again. */
const ENDED = 256;

/** The answers of one conversation: several may be under way outside of it. Whoever asks for them bounds their number. */
export class Answers {
  /** In the order in which they were asked for. */
  readonly #asked: Answer[] = [];
  /** By id; without one under the empty name. */
  readonly #running = new Map<string, Answer>();
  readonly #ended = new Set<string>();

  get asked(): readonly Answer[] {
    return this.#asked;
  }

  get running(): readonly Answer[] {
    return [...this.#running.values()];
  }

  get count(): number {
    return this.#asked.length + this.#running.size;
  }

  ask(put: Put, times: number): void {
    this.#asked.push({ put, times, soundChars: 0, textChars: 0 });
  }

  /** An error answers one question at most; which one it does not say. */
  refuse(): void {
    this.#asked.shift();
  }

  /** @param put now, for one that nobody asked for: the vendor heard a pause */
  begin(id: string | undefined, put: Put): void {
    const asked = this.#asked.shift();
    this.#ended.delete(id ?? "");
    this.#running.set(id ?? "", asked ?? { put, times: 1, soundChars: 0, textChars: 0 });
  }

  /** The answer to which a piece belongs; undefined: it is over. */
  saying(id: string | undefined, put: Put): Answer | undefined {
    const known = this.#running.get(id ?? "");
    if (known !== undefined) return known;
    if (id === undefined || this.#running.has("")) for (const first of this.#running.values()) return first;
    if (id !== undefined && this.#ended.has(id)) return undefined;
    // Its beginning was not told.
    this.begin(id, put);
    return this.#running.get(id ?? "");
  }

  /** `"again"`: its end was told before. Undefined: nothing was told of it. */
  end(id: string | undefined): Answer | "again" | undefined {
    const key = this.#keyOf(id);
    const answer = key === undefined ? undefined : this.#running.get(key);
    if (key !== undefined) this.#running.delete(key);
    else if (id !== undefined && this.#ended.has(id)) return "again";
    if (id !== undefined) this.#remember(id);
    return answer;
  }

  #keyOf(id: string | undefined): string | undefined {
    if (id !== undefined && this.#running.has(id)) return id;
    if (this.#running.has("")) return "";
    return id === undefined ? this.#running.keys().next().value : undefined;
  }

  #remember(id: string): void {
    this.#ended.add(id);
    if (this.#ended.size <= ENDED) return;
    for (const oldest of this.#ended) {
      this.#ended.delete(oldest);
      return;
    }
  }
}

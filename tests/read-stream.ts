/** What was read of a resumable stream over all its connections. */
export interface Reading {
  readonly text: string;
  /** The numbers of its events, in the order in which they came. */
  readonly seqs: readonly number[];
  /** The comment that tells its charge; undefined: it goes on. */
  readonly end: { readonly outcome: string; readonly cost: string } | undefined;
  /** It was told to come back. */
  readonly moved: number;
  /** Connections that were given up before the end. */
  readonly cuts: number;
}

const NOTHING_READ: Reading = { text: "", seqs: [], end: undefined, moved: 0, cuts: 0 };

/** Reads on from where a reading stands, at most so many events; then it hangs up. A connection that breaks is a cut. */
export async function readStream(
  url: string,
  key: string,
  id: string,
  from: Reading = NOTHING_READ,
  events = Number.POSITIVE_INFINITY,
): Promise<Reading> {
  const last = from.seqs.at(-1) ?? 0;
  const response = await fetch(`${url}/v1/streams/${id}`, {
    headers: { authorization: `Bearer ${key}`, "last-event-id": String(last) },
  }).catch(() => undefined);
  if (response === undefined) return { ...from, cuts: from.cuts + 1 };
  if (response.status === 503) {
    await response.arrayBuffer();
    return from;
  }
  if (!response.ok) throw new Error(`${url} after ${last}: ${response.status} ${await response.text()}`);
  return new Sse(response, from).take(events);
}

/** An SSE answer in OpenAI's dialect as it comes. */
export class Sse {
  readonly #reader: Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;
  #reading: Reading;

  constructor(response: Response, from: Reading = NOTHING_READ) {
    this.#reader = (response.body ?? new Blob().stream()).getReader();
    this.#reading = from;
  }

  /** Reads so many events, then hangs up; fewer when the stream ends or breaks before. */
  async take(events: number): Promise<Reading> {
    const wanted = this.#reading.seqs.length + events;
    const decoder = new TextDecoder();
    let buffer = "";
    for (;;) {
      const { value, done } = await this.#reader.read().catch(() => ({ value: undefined, done: true }));
      if (done || value === undefined) break;
      buffer += decoder.decode(value, { stream: true });
      for (let at = buffer.indexOf("\n\n"); at >= 0; at = buffer.indexOf("\n\n")) {
        this.#note(buffer.slice(0, at));
        buffer = buffer.slice(at + 2);
        if (this.#reading.seqs.length >= wanted && this.#reading.end === undefined) return this.#hangUp();
      }
    }
    if (this.#reading.end === undefined) this.#reading = { ...this.#reading, cuts: this.#reading.cuts + 1 };
    return this.#reading;
  }

  async #hangUp(): Promise<Reading> {
    await this.#reader.cancel().catch(() => undefined);
    this.#reading = { ...this.#reading, cuts: this.#reading.cuts + 1 };
    return this.#reading;
  }

  #note(frame: string): void {
    const reading = this.#reading;
    let { text, end, moved } = reading;
    const seqs = [...reading.seqs];
    for (const line of frame.split("\n")) {
      if (line.startsWith("id: ")) seqs.push(Number(line.slice(4)));
      else if (line.startsWith(": sluice {"))
        end = JSON.parse(line.slice(": sluice ".length)) as Reading["end"];
      else if (line.startsWith(": sluice-moved ")) moved += 1;
      else if (line.startsWith("data: {")) text += contentOf(line.slice("data: ".length));
    }
    this.#reading = { ...reading, text, seqs, end, moved };
  }
}

function contentOf(data: string): string {
  const { choices } = JSON.parse(data) as { choices?: readonly { delta?: { content?: string } }[] };
  return choices?.[0]?.delta?.content ?? "";
}

import { chatBody, type LoadPlan, tokensOf } from "../load/plan.ts";
import type { Target } from "../target.ts";
import { MARK, type StepVendor, stepOf } from "./step-vendor.ts";

/** So many requests, some at once, each piece of a stream asked for when the one before is read. */
export type StepPlan = Pick<LoadPlan, "kind" | "model" | "connections" | "generations"> & {
  readonly requests: number;
};

/** Of a load; one that takes longer stands still. */
const PATIENCE_MS = 180_000;

/** Throws when an answer is not whole, or does not come. */
export async function stepLoad(
  { url, key }: Pick<Target, "url" | "key">,
  vendor: StepVendor,
  plan: StepPlan,
): Promise<void> {
  let asked = 0;
  const lines = Array.from({ length: plan.connections }, async () => {
    const line = await openLine(url, key, plan.kind);
    const loop = async (): Promise<void> => {
      while (asked < plan.requests) {
        asked += 1;
        const reading = new Reading(`run ${asked}`, plan.model, vendor);
        const messages = [{ role: "user", content: reading.name }];
        await line.ask({ ...chatBody(plan.model, plan.kind !== "answer"), messages }, reading);
        reading.requireWhole();
      }
    };
    await Promise.all(Array.from({ length: plan.generations }, loop));
    line.close();
  });
  const patience = Promise.withResolvers<never>();
  const timer = setTimeout(() => patience.reject(new Error(`${plan.model} stands still`)), PATIENCE_MS);
  try {
    await Promise.race([Promise.all(lines), patience.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a client has read of one answer. */
class Reading {
  readonly name: string;
  readonly #tokens: number;
  readonly #step: number;
  readonly #vendor: StepVendor;
  #seen = 0;

  constructor(name: string, model: string, vendor: StepVendor) {
    this.name = name;
    this.#tokens = tokensOf(model);
    this.#step = stepOf(model);
    this.#vendor = vendor;
  }

  /** @param text as it came of a whole answer, or of a stream */
  note(text: string): void {
    this.#seen += text.split(MARK).length - 1;
  }

  /** Of a stream: has the vendor go on when its piece is read. */
  noteStreamed(text: string): void {
    const before = this.#seen;
    this.note(text);
    if (this.#seen === before) return;
    if (this.#seen === this.#tokens || this.#seen % this.#step === 0) this.#vendor.next(this.name);
  }

  requireWhole(): void {
    if (this.#seen !== this.#tokens)
      throw new Error(`${this.#seen} of ${this.#tokens} tokens of ${this.name}`);
  }
}

/** A connection of a client, or what stands for one. */
interface Line {
  ask(body: object, reading: Reading): Promise<void>;
  close(): void;
}

async function openLine(url: string, key: string, kind: StepPlan["kind"]): Promise<Line> {
  if (kind === "websocket") return openSocket(url, key);
  return {
    async ask(body, reading) {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!response.ok || response.body === null)
        throw new Error(`${response.status} ${await response.text()}`);
      if (kind === "answer") return reading.note(await response.text());
      const decoder = new TextDecoder();
      for await (const bytes of response.body) reading.noteStreamed(decoder.decode(bytes, { stream: true }));
    },
    close() {},
  };
}

interface Generation {
  readonly reading: Reading;
  readonly over: PromiseWithResolvers<void>;
}

async function openSocket(url: string, key: string): Promise<Line> {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/ws`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const generations = new Map<string, Generation>();
  const opened = Promise.withResolvers<void>();
  let asked = 0;
  socket.onopen = () => opened.resolve();
  socket.onmessage = ({ data }) => {
    const text = String(data);
    const id = /"id":"(g\d+)"/.exec(text)?.[1] ?? "";
    const generation = generations.get(id);
    if (generation === undefined || text.includes('"type":"started"')) return;
    if (text.includes('"type":"delta"')) return generation.reading.noteStreamed(text);
    generations.delete(id);
    if (text.includes('"type":"done"')) generation.over.resolve();
    else generation.over.reject(new Error(text));
  };
  socket.onclose = () => {
    opened.reject(new Error("no WebSocket"));
    for (const { over } of generations.values()) over.reject(new Error("the WebSocket was closed"));
  };
  await opened.promise;
  return {
    ask(body, reading) {
      asked += 1;
      const id = `g${asked}`;
      const over = Promise.withResolvers<void>();
      generations.set(id, { reading, over });
      socket.send(JSON.stringify({ type: "generate", id, body }));
      return over.promise;
    },
    close: () => socket.close(),
  };
}

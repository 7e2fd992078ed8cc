import { draw } from "../src/adapters/sandbox/media/drawing.ts";

/**
 * A vendor of pictures on a port of its own that speaks the sandbox's wire, for tests: jobs stand still where the test
 * wants them to, and are counted, for comparison with what the gateway asked for and charged.
 */
export interface MockImageVendor {
  /** To be used as a base URL. */
  readonly url: string;
  /** Every job that was taken, by the mark that came with it. */
  readonly jobs: readonly { readonly id: string; readonly mark: string; readonly prompt: string }[];
  /** Jobs that it was asked to cancel. */
  readonly cancelled: readonly string[];
  /** What happens from now on. */
  behave(manner: Partial<Manner>): void;
  /** Resolves when that many calls of that kind have come since the start, those that are held included. */
  came(kind: Kind, count: number): Promise<void>;
  /** Calls of that kind that have come since the start. */
  count(kind: Kind): number;
  stop(): void;
}

export type Kind = "submit" | "ask" | "find" | "cancel" | "fetch";

export interface Manner {
  /** What becomes of a submission: taken, taken with an answer that never comes or breaks off, never seen at all, refused, full. */
  readonly submit: "take" | "take and hold" | "hold" | "take and cut" | "refuse" | "busy" | "at once";
  /** What becomes of jobs when they are asked about. */
  readonly ask: "running" | "done" | "failed" | "error" | "unknown";
  /** Whether the picture can be fetched. */
  readonly fetch: "give" | "hold" | "gone";
  /** Whether jobs can be looked up by their mark; `late`: the first question about each finds none. */
  readonly find: "tell" | "late" | "error";
  readonly pictures: number;
  readonly refused: number;
}

const USUAL: Manner = { submit: "take", ask: "done", fetch: "give", find: "tell", pictures: 1, refused: 0 };

export function startMockImageVendor(): MockImageVendor {
  const jobs: { id: string; mark: string; prompt: string }[] = [];
  const cancelled: string[] = [];
  const counts: Record<Kind, number> = { submit: 0, ask: 0, find: 0, cancel: 0, fetch: 0 };
  const lookedFor = new Set<string>();
  const waiters = new Set<() => void>();
  let manner = USUAL;
  let url = "";
  const never = new Promise<Response>(() => {});

  const done = (id: string): object => ({
    id,
    status: "done",
    data: [
      ...Array.from({ length: manner.pictures }, (_, at) => ({ url: `${url}/pictures/${id}-${at}.png` })),
      ...Array.from({ length: manner.refused }, () => ({
        error: { code: "content_policy_violation", message: "refused" },
      })),
    ],
    usage: { images: manner.pictures + manner.refused },
  });

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request): Promise<Response> {
      const { pathname, searchParams } = new URL(request.url);
      const path = pathname.replace("/v1", "");
      const kind = kindOf(path);
      counts[kind] += 1;
      for (const wake of waiters) wake();
      switch (kind) {
        case "submit": {
          const body = (await request.json()) as { mark?: string; prompt?: string };
          const { submit } = manner;
          if (submit === "hold") return never;
          if (submit === "refuse") return refusal(500, "The server broke.", null);
          if (submit === "busy") return refusal(429, "The queue is full.", "rate_limit_exceeded");
          const id = `job-${jobs.length + 1}`;
          jobs.push({ id, mark: body.mark ?? "", prompt: body.prompt ?? "" });
          if (submit === "take and hold") return never;
          if (submit === "take and cut") return new Response('{"id":"job-');
          if (submit === "at once") return Response.json(done(id));
          return Response.json({ id, status: "running", progress: 0.1, ask_again_ms: 50 });
        }
        case "find": {
          if (manner.find === "error") return refusal(500, "The server broke.", null);
          const asked = searchParams.get("mark") ?? "";
          const isLate = manner.find === "late" && !lookedFor.has(asked);
          lookedFor.add(asked);
          const job = isLate ? undefined : jobs.find(({ mark }) => mark === asked);
          return Response.json(job === undefined ? { found: false } : { found: true, id: job.id });
        }
        case "cancel":
          cancelled.push(path.split("/")[3] ?? "");
          return Response.json({ status: "cancelled" });
        case "fetch":
          if (manner.fetch === "hold") return never;
          if (manner.fetch === "gone") return new Response("gone", { status: 404 });
          return new Response(draw({ text: path, width: 32, height: 32, isTransparent: false, salt: path }), {
            headers: { "content-type": "image/png" },
          });
        case "ask": {
          const id = path.split("/")[3] ?? "";
          if (manner.ask === "running") {
            return Response.json({ id, status: "running", progress: 0.5, ask_again_ms: 50 });
          }
          if (manner.ask === "error") return refusal(503, "Overloaded.", null);
          if (manner.ask === "unknown") return refusal(404, "No such job.", "job_not_found");
          if (manner.ask === "failed") {
            const error = { code: "content_policy_violation", message: "It goes against the policy." };
            return Response.json({ id, status: "failed", error });
          }
          return Response.json(done(id));
        }
      }
    },
  });
  url = `http://127.0.0.1:${server.port}/v1`;
  return {
    url,
    jobs,
    cancelled,
    behave(changes) {
      manner = { ...USUAL, ...changes };
    },
    async came(kind, count) {
      while (counts[kind] < count) {
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiters.delete(wake);
            resolve();
          };
          waiters.add(wake);
        });
      }
    },
    count: (kind) => counts[kind],
    stop: () => void server.stop(true),
  };
}

function kindOf(path: string): Kind {
  if (path.startsWith("/pictures/")) return "fetch";
  if (path === "/images/jobs") return "find";
  if (path.endsWith("/cancel")) return "cancel";
  return path.startsWith("/images/jobs/") ? "ask" : "submit";
}

const refusal = (status: number, message: string, code: string | null): Response =>
  Response.json({ error: { message, type: "server_error", code } }, { status });

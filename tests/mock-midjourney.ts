import { draw } from "../src/adapters/sandbox/media/drawing.ts";

/** A midjourney-proxy on a port of its own, for tests: jobs stand still where the test wants them to, and are counted. */
export interface MockMidjourney {
  /** To be used as MJ_PROXY_URL. */
  readonly url: string;
  readonly jobs: readonly MockJob[];
  readonly cancelled: readonly string[];
  /** What happens from now on. */
  behave(manner: Partial<Manner>): void;
  /** Tells of a job where it was asked to, as the proxy does: unsigned. Answers the receiver's status. */
  tell(job: MockJob, task: object, through: (url: string) => string): Promise<number>;
  stop(): void;
}

export interface MockJob {
  readonly id: string;
  /** Below the root: `/mj/submit/imagine`. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly state: string;
}

export interface Manner {
  readonly submit: "take" | "take and cut" | "cut" | "banned" | "no account" | "modal";
  readonly fetch: "running" | "done" | "failed" | "cancelled";
  readonly cancel: "yes" | "unknown";
}

export const MOCK_SECRET = "mj-proxy-secret-0123456789";
const USUAL: Manner = { submit: "take", fetch: "done", cancel: "yes" };
const BUTTON = { customId: "MJ::JOB::upsample::2::0a1b", emoji: "", label: "U2", type: 2, style: 2 };
const CUT = () => new Response(new ReadableStream({ start: (stream) => stream.error(new Error("cut")) }));

export function startMockMidjourney(): MockMidjourney {
  const jobs: MockJob[] = [];
  const cancelled: string[] = [];
  let manner = USUAL;
  let url = "";

  const submitted = async (request: Request, path: string): Promise<Response> => {
    const body = (await request.json()) as Record<string, unknown>;
    const { submit } = manner;
    if (submit === "cut") return CUT();
    if (submit === "banned") {
      return Response.json({ code: 24, description: "可能包含敏感词", properties: { bannedWord: "nude" } });
    }
    if (submit === "no account") return Response.json({ code: 3, description: "无可用的账号实例" });
    const id = String(1_689_231_405_853_400 + jobs.length);
    jobs.push({ id, path, body, state: String(body.state) });
    if (submit === "take and cut") return CUT();
    if (submit === "modal") {
      return Response.json({
        code: 21,
        description: "Waiting for window confirm",
        result: id,
        properties: { remix: true },
      });
    }
    return Response.json({ code: 1, description: "提交成功", result: id, properties: {} });
  };

  const taskOf = (job: MockJob): object => {
    const isWords = /describe|shorten/.test(job.path);
    const words = isWords ? "1️⃣ a cat\n\n2️⃣ a dog" : String(job.body.prompt ?? "");
    const common = {
      id: job.id,
      state: job.state,
      prompt: job.body.prompt ?? null,
      properties: { finalPrompt: words },
    };
    switch (manner.fetch) {
      case "running":
        return { ...common, status: "IN_PROGRESS", progress: "35%" };
      case "failed":
        return { ...common, status: "FAILURE", progress: "", failReason: "[Internal Server Error] it broke" };
      case "cancelled":
        return { ...common, status: "CANCEL" };
      case "done":
        return {
          ...common,
          status: "SUCCESS",
          progress: "100%",
          imageUrl: isWords ? null : `${url}/pictures/${job.id}.png`,
          buttons: [BUTTON],
        };
    }
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request): Promise<Response> {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/pictures/")) {
        const png = draw({ text: pathname, width: 32, height: 32, isTransparent: false, salt: pathname });
        return new Response(png, { headers: { "content-type": "image/png" } });
      }
      if (request.headers.get("mj-api-secret") !== MOCK_SECRET) return new Response(null, { status: 401 });
      if (pathname.includes("/submit/")) return submitted(request, pathname);
      if (pathname === "/mj/task/list") return Response.json(jobs.map(taskOf));
      const [, id = "", call] = /^\/mj\/task\/([^/]+)\/([\w-]+)$/.exec(pathname) ?? [];
      const job = jobs.find((known) => known.id === id);
      if (call === "image-seed") return Response.json({ code: 1, description: "ok", result: "3141592653" });
      if (call === "cancel") {
        if (manner.cancel === "unknown")
          return new Response("<html>", { headers: { "content-type": "text/html" } });
        cancelled.push(id);
        return Response.json({ code: 1, description: "ok" });
      }
      return job === undefined ? new Response("") : Response.json(taskOf(job));
    },
  });
  url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    jobs,
    cancelled,
    behave(changes) {
      manner = { ...USUAL, ...changes };
    },
    async tell({ id, body }, task, through) {
      const response = await fetch(through(String(body.notifyHook)), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id, ...task }),
      });
      await response.text();
      return response.status;
    },
    stop: () => void server.stop(true),
  };
}

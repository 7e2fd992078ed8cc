import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Server } from "bun";
import type { SocketEars } from "../adapters/realtime-adapter.ts";
import { createWebSocketUpstream } from "./web-socket.ts";

/** A vendor's end by the real protocol; it does what a frame tells it to. */
let server: Server<{ key: string }>;
let url: string;

beforeAll(() => {
  server = Bun.serve<{ key: string }>({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, self) {
      const key = request.headers.get("authorization") ?? "";
      if (key === "Bearer refused") return new Response("no", { status: 401 });
      return self.upgrade(request, { data: { key } }) ? undefined : new Response("no", { status: 400 });
    },
    websocket: {
      open: (ws) => void ws.send(ws.data.key),
      message(ws, message) {
        if (message === "binary") ws.send(new Uint8Array([1]));
        else if (message === "close") ws.close(4321, "as told");
        else if (message === "drop") ws.terminate();
        else ws.send(message);
      },
    },
  });
  url = `ws://127.0.0.1:${server.port}`;
});
afterAll(() => server.stop(true));

/** Everything that an end tells, as it comes. */
function dial(authorization = "Bearer k", to = url) {
  const told: string[] = [];
  const closed = Promise.withResolvers<void>();
  let wake: (() => void) | undefined;
  const tell = (what: string): void => {
    told.push(what);
    wake?.();
  };
  const ears: SocketEars = {
    opened: () => tell("opened"),
    frame: (text) => tell(text),
    binary: () => tell("binary frame"),
    closed(code, reason) {
      tell(`closed ${code} ${reason}`);
      closed.resolve();
    },
  };
  const timers = new Set<() => void>();
  const upstream = createWebSocketUpstream((_ms, run) => {
    timers.add(run);
    return () => timers.delete(run);
  });
  const end = upstream.dial({ url: to, headers: { authorization } }, ears);
  const until = async (what: string): Promise<void> => {
    while (!told.includes(what)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { end, told, closed: closed.promise, until, timers, upstream };
}

describe("a vendor's end", () => {
  test("sends the key in a header, and frames both ways", async () => {
    const { end, told, until, closed, timers } = dial();
    await until("Bearer k");
    end.send("hello");
    await until("hello");
    end.close(1000, "");
    await closed;
    expect(told).toEqual(["opened", "Bearer k", "hello", "closed 1000 "]);
    expect(timers.size).toBe(0);
  });

  test("tells the other side's close code, a lost connection, and binary frames", async () => {
    for (const [frame, told] of [
      ["close", "closed 4321 as told"],
      ["drop", "closed 1006 "],
    ] as const) {
      const { end, until } = dial();
      await until("Bearer k");
      end.send(frame);
      await until(told);
    }
    const { end, until, upstream, closed } = dial();
    await until("Bearer k");
    end.send("binary");
    await until("binary frame");
    upstream.close();
    await closed;
  });

  test("that is refused, or not there, is closed without having been open", async () => {
    for (const { told, closed } of [dial("Bearer refused"), dial("Bearer k", "ws://127.0.0.1:1")]) {
      await closed;
      expect(told).toHaveLength(1);
      expect(told[0]).toStartWith("closed 1006");
    }
  });

  test("is dropped when its close is not answered, and tells it once", async () => {
    const { end, told, until, timers } = dial();
    await until("Bearer k");
    end.pause();
    end.close(1000, "");
    for (const run of [...timers]) run();
    end.drop();
    await Bun.sleep(0);
    expect(told.filter((what) => what.startsWith("closed"))).toEqual(["closed 1006 "]);
  });

  test("takes nothing before it is open", () => {
    const { end, told } = dial();
    end.send("early");
    end.drop();
    expect(told).toEqual(["closed 1006 "]);
  });
});

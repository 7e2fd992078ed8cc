import type { Server } from "bun";
import { silentLog } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { systemRandom } from "../../core/random.ts";
import { completionTokens, promptTokens } from "../../core/usage.ts";
import { StreamRegistry } from "../../gateway/streams/registry.ts";
import { ScriptedGateway } from "../../gateway/testing/scripted-gateway.ts";
import type { OpenAiShapes } from "../frames.ts";
import type { SocketData } from "../outlet.ts";
import { WebSockets } from "../socket.ts";
import { createTicketStore } from "../tickets.ts";

/** Stands in for the OpenAI dialect, which this folder must not know. */
const shapes: OpenAiShapes = {
  usage: (usage) => ({ prompt_tokens: promptTokens(usage), completion_tokens: completionTokens(usage) }),
  toolCall: ({ call, id, name, arguments: text }) => ({
    index: call,
    id,
    function: { name, arguments: text },
  }),
  errorBody: (error, request_id) => ({
    error: { message: error.message, code: error.code, param: error.detail.param ?? null, request_id },
  }),
};

/** The test moves time; frames leave when the event loop's turns end, as they do. */
class SocketClock extends ManualClock {
  override soon(run: () => void): void {
    setImmediate(run);
  }
}

/** A real server on a free port, in front of a scripted gateway, under a clock that the test moves. */
export function startServer(bodyLimitBytes = 1024 * 1024, socketsPerKey?: number) {
  const clock = new SocketClock();
  const gateway = new ScriptedGateway();
  const streams = new StreamRegistry(clock);
  const sockets = new WebSockets({
    clock,
    random: systemRandom,
    log: silentLog,
    gateway,
    streams,
    tickets: createTicketStore(clock),
    shapes,
    bodyLimitBytes,
    ...(socketsPerKey === undefined ? {} : { socketsPerKey }),
    secretOf: (headers) => headers.get("authorization")?.replace("Bearer ", ""),
    errorResponse: (error, requestId) => Response.json(shapes.errorBody(error, requestId), error),
    once: (_request, _about, run) => run(),
  });
  const server: Server<SocketData> = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, self) =>
      new URL(request.url).pathname === "/v1/ws/tickets"
        ? sockets.postTicket(request, self)
        : sockets.upgrade(request, self),
    websocket: sockets.handler,
  });
  return { clock, gateway, streams, sockets, server, url: server.url, stop: () => server.stop(true) };
}

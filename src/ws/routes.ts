import { Elysia } from "elysia";
import type { RealtimeSockets } from "./realtime.ts";
import type { WebSockets } from "./socket.ts";

/** `GET /v1/ws`, `GET /v1/realtime` and `POST /v1/ws/tickets`: the way in. What follows the upgrade goes past Elysia, straight to Bun's sockets. */
export function socketRoutes(sockets: WebSockets, realtime: RealtimeSockets) {
  return new Elysia({ name: "web-socket" })
    .get("/v1/realtime", ({ request, server }) => realtime.upgrade(request, running(server)))
    .get("/v1/ws", ({ request, server }) => sockets.upgrade(request, running(server)))
    .post("/v1/ws/tickets", ({ request, server }) => sockets.postTicket(request, running(server)), {
      parse: "none",
    });
}

function running<Server>(server: Server | null): Server {
  if (server === null) throw new Error("a WebSocket needs a running server");
  return server;
}

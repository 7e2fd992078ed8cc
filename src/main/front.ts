import type { Server } from "bun";
import type { AnyElysia } from "elysia";
import type { Config } from "../config/config.ts";
import { systemClock as clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import { StreamRegistry } from "../gateway/streams/registry.ts";
import { messageRoutes } from "../http/anthropic/routes.ts";
import { createApp } from "../http/app.ts";
import { secretOf } from "../http/credential.ts";
import { openToOrigins } from "../http/cross-origin.ts";
import { createEntrance } from "../http/entrance.ts";
import { errorBody, errorResponse } from "../http/errors.ts";
import { geminiRoutes } from "../http/gemini/routes.ts";
import { generationHeaders } from "../http/generation-response.ts";
import { createIdempotency, type Idempotency } from "../http/idempotent.ts";
import type { Metrics } from "../http/metrics.ts";
import { audioRoutes } from "../http/openai/audio/routes.ts";
import { generationRoutes } from "../http/openai/generations.ts";
import { modelRoutes } from "../http/openai/models.ts";
import { createKeeping } from "../http/openai/responses/keeping.ts";
import { responseRoutes } from "../http/openai/responses/routes.ts";
import { toolCallDelta } from "../http/openai/stream-entries.ts";
import { toOpenAiUsage } from "../http/openai/usage.ts";
import { runOnce } from "../http/run-once.ts";
import { streamRoutes } from "../http/stream-routes.ts";
import type { SocketData } from "../ws/outlet.ts";
import { bothKinds, type RealtimeSocketData, RealtimeSockets } from "../ws/realtime.ts";
import { socketRoutes } from "../ws/routes.ts";
import { WebSockets } from "../ws/socket.ts";
import type { TicketStore } from "../ws/tickets.ts";
import type { LedgerParts } from "./ledger-parts.ts";
import type { RequestParts } from "./request-parts.ts";

/** What listens: HTTP and WebSocket on one port. */
export interface Front {
  readonly url: string;
  readonly streams: StreamRegistry;
  readonly sockets: WebSockets;
  /** WebSockets of every kind that are open. */
  openWebSockets(): number;
  readonly idempotency: Idempotency;
  /** Every route that is mounted, as `GET /path`. */
  readonly routes: readonly string[];
  /** Cuts what is still connected and stops listening. */
  close(): Promise<void>;
}

/**
 * Bun refuses bodies past its own limit with a bare 413; up to here ours comes first and says what is wrong. Large,
 * since nothing of it is read: a body that says how long it is is refused by that, any other while it is counted.
 */
const BODY_SLACK_BYTES = 512 * 1024 * 1024;

/** A connection without a byte for so long is closed; a generation, which may think longer, is exempt. */
const IDLE_SECONDS = 120;

export function openFront(
  { gateway, realtime }: RequestParts,
  metrics: Metrics,
  config: Config,
  log: Log,
  further: (idempotency: Idempotency) => readonly AnyElysia[],
  kept: Pick<LedgerParts, "idempotency" | "responses">,
  tickets: TicketStore,
): Front {
  const { bodyLimitBytes } = config;
  const answering = { log, random, countRequest: metrics.countRequest };
  const streams = new StreamRegistry(clock);
  const idempotency = createIdempotency({ ledger: kept.idempotency, clock, log });
  const sockets = new WebSockets({
    clock,
    random,
    log,
    gateway,
    streams,
    bodyLimitBytes,
    secretOf,
    errorResponse,
    tickets,
    shapes: { usage: toOpenAiUsage, toolCall: toolCallDelta, errorBody },
    once: (request, about, run) => runOnce(idempotency, request, about, run),
  });
  const conversations = new RealtimeSockets({
    random,
    gateway,
    realtime,
    tickets,
    secretOf,
    errorResponse,
    errorBody,
    headersOf: (started) => generationHeaders(started).toJSON(),
  });
  const keeping = createKeeping({ ledger: kept.responses, clock, log });
  const generating = {
    ...answering,
    gateway,
    streams,
    idempotency,
    clock,
    bodyLimitBytes,
    server: () => app.server,
  };
  const createdAt = Math.floor(clock.now() / 1_000);
  const app = createApp(answering)
    .use(generationRoutes(generating))
    .use(audioRoutes(generating))
    .use(messageRoutes(generating))
    .use(geminiRoutes(generating))
    .use(responseRoutes({ ...generating, keeping, responses: kept.responses }))
    .use(modelRoutes({ ...answering, gateway, createdAt }))
    .use(streamRoutes({ ...answering, gateway, streams }))
    .use(socketRoutes(sockets, conversations));
  for (const routes of further(idempotency)) app.use(routes);
  const entrance = createEntrance(app, answering);
  const { corsOrigins } = config;
  const server = listen(config, () =>
    Bun.serve({
      hostname: config.host,
      port: config.port,
      reusePort: config.worker !== undefined,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: bodyLimitBytes + BODY_SLACK_BYTES,
      // Bun's own page of an error would show the inside.
      development: false,
      ...(corsOrigins === undefined ? entrance : openToOrigins(entrance, corsOrigins, answering)),
      websocket: bothKinds(conversations, sockets.handler),
    }),
  );
  app.server = server;
  return {
    url: `http://${config.host === "0.0.0.0" ? "localhost" : config.host}:${server.port}`,
    streams,
    sockets,
    openWebSockets: () => sockets.stats().sockets + realtime.count,
    idempotency,
    routes: app.routes.map(({ method, path }) => `${method} ${path}`),
    async close() {
      await server.stop(true);
      idempotency.close();
      keeping.close();
    },
  };
}

/** @throws Error that names the setting when the port cannot be had */
function listen(
  config: Config,
  serve: () => Server<SocketData | RealtimeSocketData>,
): Server<SocketData | RealtimeSocketData> {
  try {
    return serve();
  } catch (cause) {
    const place = `${config.host}:${config.port}`;
    throw new Error(`${place} cannot be listened on: is it in use? Set PORT or HOST to another.`, { cause });
  }
}

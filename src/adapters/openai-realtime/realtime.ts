import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { Dial, RealtimeAdapter } from "../realtime-adapter.ts";
import { OpenAiRealtimeReader } from "./reader.ts";

/** The vendor's own error table. */
export type JudgeEvent = (event: unknown, secret: string) => VendorFailure | undefined;

/** OpenAI's Realtime API by WebSocket: `wss://…/v1/realtime?model=`, the key in a header, no `OpenAI-Beta` (recorded 2026-09). */
export const createRealtime = (judge: JudgeEvent, dial?: Dial): RealtimeAdapter => ({
  buildSocket: ({ baseUrl, model, secret }) => ({
    url: `${baseUrl.replace(/^http/, "ws")}/realtime?model=${encodeURIComponent(model)}`,
    headers: { authorization: `Bearer ${secret}` },
  }),
  openReader: (secret) => new OpenAiRealtimeReader((event) => judge(event, secret), secret),
  ...(dial === undefined ? {} : { dial }),
});

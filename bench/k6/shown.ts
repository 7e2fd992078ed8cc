import type { Script } from "./run.ts";

/** The metrics that say most for each script, and what to call them. */
export const SHOWN: Readonly<Record<Script, readonly (readonly [metric: string, title: string])[]>> = {
  http: [["http_req_duration", "whole answer"]],
  sse: [
    ["http_req_waiting", "to the headers"],
    ["http_req_duration", "whole stream"],
  ],
  websocket: [
    ["generation_first_delta", "to the first delta"],
    ["generation_duration", "whole generation"],
  ],
  mixed: [
    ["http_req_duration{scenario:http}", "whole answer"],
    ["http_req_waiting{scenario:sse}", "stream, to the headers"],
    ["generation_first_delta{scenario:websocket}", "WebSocket, to the first delta"],
  ],
};

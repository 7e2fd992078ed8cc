import { chatBody } from "./chat.ts";
import { type Dialect, type End, type Seen, sameWord } from "./dialect.ts";

interface Frame {
  readonly type: string;
  readonly request_id?: string;
  readonly text?: string;
  readonly tool_calls?: readonly { readonly function?: { readonly arguments?: string } }[];
  readonly outcome?: string;
  readonly receipt?: string;
  readonly cost?: string;
  readonly error?: { readonly code: string; readonly request_id: string };
}

/** A generation over a WebSocket of its own. */
export const webSocket: Dialect = {
  name: "WebSocket",
  modes: ["stream"],
  wires: ["openai", "anthropic", "gemini"],
  hasTools: true,
  isCommon: false,
  wordFor: sameWord,
  ask(to) {
    const socket = new WebSocket(`${to.url.replace("http", "ws")}/v1/ws`, [
      "sluice.v1.json",
      `sluice.key.${to.key}`,
    ]);
    const frame = JSON.stringify({ type: "generate", id: "a", body: chatBody(to) });
    const bytes = Buffer.byteLength(frame);
    let text = "";
    return new Promise<Seen>((resolve) => {
      const over = (seen: Omit<Seen, "text" | "bytes">): void => {
        resolve({ ...seen, text, bytes });
        socket.close();
      };
      socket.addEventListener("open", () => socket.send(frame));
      socket.addEventListener("message", ({ data }) => {
        const { type, error, ...told } = JSON.parse(String(data)) as Frame;
        if (type === "delta") text += told.text ?? told.tool_calls?.[0]?.function?.arguments ?? "";
        if (type === "error")
          over({ end: "refused", error: error?.code ?? "", request: error?.request_id ?? "" });
        if (type === "done") {
          over({
            end: endOf(told.outcome, error?.code),
            request: told.receipt ?? "",
            ...(error === undefined ? {} : { error: error.code }),
            ...(told.cost === undefined ? {} : { cost: told.cost }),
          });
        }
      });
      socket.addEventListener("close", () => over({ end: "none", request: "" }));
    });
  },
};

function endOf(outcome: string | undefined, error: string | undefined): End {
  if (outcome === "completed") return error === undefined ? "whole" : "both";
  return error === undefined ? "none" : "broken";
}

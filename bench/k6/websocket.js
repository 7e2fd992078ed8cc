import { check } from "k6";
import { Counter, Trend } from "k6/metrics";
import { WebSocket } from "k6/websockets";
import { chatBody, commonThresholds, openLoop, settings, summaryLine, trendStats } from "./settings.js";

// One chat session a start: connect, run GENERATIONS at once on the socket, leave when all are done.
// `generation_first_delta` is from the generate frame to its first delta, `generation_duration` to its `done`.

export const options = {
  scenarios: openLoop,
  summaryTrendStats: trendStats,
  thresholds: {
    ...commonThresholds,
    generation_first_delta: [`p(99)<${settings.p99}`],
    generations_failed: ["count<1"],
  },
};

const connecting = new Trend("socket_connecting", true);
const firstDelta = new Trend("generation_first_delta", true);
const duration = new Trend("generation_duration", true);
const completed = new Counter("generations_completed");
const failed = new Counter("generations_failed");
const deltas = new Counter("generation_deltas");

const url = `${settings.url.replace(/^http/, "ws")}/v1/ws`;
const body = chatBody(true);

export default function () {
  const openedAt = Date.now();
  const runs = new Map();
  const socket = new WebSocket(url, ["sluice.v1.json"], {
    headers: { authorization: `Bearer ${settings.key}` },
  });
  const giveUp = setTimeout(() => socket.close(), 60_000);
  // So that a threshold on it is judged, also when nothing fails.
  failed.add(0);

  socket.onopen = () => {
    connecting.add(Date.now() - openedAt);
    for (let count = 1; count <= settings.generations; count += 1) {
      runs.set(`g${count}`, { startedAt: Date.now(), seq: 0 });
      socket.send(JSON.stringify({ type: "generate", id: `g${count}`, body }));
    }
  };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    const run = runs.get(frame.id);
    if (run === undefined || frame.type === "started") return;
    if (frame.type === "delta") {
      if (run.seq === 0) firstDelta.add(Date.now() - run.startedAt);
      run.seq += 1;
      deltas.add(1);
      return;
    }
    runs.delete(frame.id);
    duration.add(Date.now() - run.startedAt);
    const isWhole = check(frame, {
      "ends completed": ({ type, outcome }) => type === "done" && outcome === "completed",
      "has no gap": ({ seq }) => seq === run.seq + 1,
      "has cost and receipt": ({ cost, receipt }) => cost !== undefined && receipt !== undefined,
    });
    (isWhole ? completed : failed).add(1);
    if (runs.size === 0) socket.close();
  };
  socket.onerror = () => failed.add(1);
  socket.onclose = () => {
    clearTimeout(giveUp);
    if (runs.size > 0) failed.add(runs.size);
    check(runs, { "no generation is left": () => runs.size === 0 });
  };
}

export const handleSummary = summaryLine;

import type { Socket } from "bun";

/**
 * Idle WebSocket clients over bare sockets, as a process of its own: `bun bench/sockets/idle-clients.ts PLAN`. It is told
 * what to do by lines on its standard input (`open`, `ask`, `count`) and answers each with a line of JSON.
 */
export interface IdlePlan {
  /** Of the gateway; each has its own ports to be reached from. */
  readonly hosts: readonly string[];
  readonly port: number;
  /** A key has a bounded number of sockets on a node. */
  readonly keys: readonly string[];
  readonly sockets: number;
}

export interface IdleCount {
  /** Upgraded and not closed. */
  readonly open: number;
  /** Not upgraded, however often it was tried. */
  readonly refused: number;
  /** Attempts that ended before an answer: a backlog was full. */
  readonly again: number;
  readonly lost: number;
  /** The server's own pings, which were answered. */
  readonly pinged: number;
  /** Of the last `ask`. */
  readonly answered: number;
}

interface Client {
  isOpen: boolean;
  isAsked: boolean;
}

/** As any client would. */
const TRIES = 5;
const AT_ONCE = 50;
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 20;
const PING = 0x89;
const TEXT = 0x81;

/** A frame of a client is masked; a mask of zeros leaves its bytes as they are. */
const frame = (opcode: number, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from([opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
const ASK = frame(TEXT, Buffer.from('{"type":"ping","t":1}'));
const PONG = Buffer.from('"pong"');

const plan: IdlePlan = JSON.parse(process.argv[2] ?? "");
const clients: Socket<Client>[] = [];
const count = { open: 0, refused: 0, again: 0, lost: 0, pinged: 0, answered: 0 };

/** @param settled told whether the server took it, refused it, or went away without an answer */
const handlers = (upgrade: string, settled: (how: "open" | "refused" | "gone") => void) => ({
  open: (socket: Socket<Client>) => void socket.write(upgrade),
  data(socket: Socket<Client>, bytes: Buffer) {
    const { data } = socket;
    if (!data.isOpen) {
      data.isOpen = bytes.toString("latin1", 0, 12) === "HTTP/1.1 101";
      settled(data.isOpen ? "open" : "refused");
      return;
    }
    if (bytes[0] === PING) {
      count.pinged += 1;
      socket.write(frame(0x8a, Buffer.from(bytes.subarray(2, 2 + (bytes[1] ?? 0)))));
    }
    if (data.isAsked && bytes.includes(PONG)) {
      data.isAsked = false;
      count.answered += 1;
    }
  },
  close({ data }: Socket<Client>) {
    if (data.isOpen) {
      count.open -= 1;
      count.lost += 1;
    }
    settled("gone");
  },
});

/** So many are on their way at any time: one that waits, since a backlog was full, holds up no others. */
async function openAll(): Promise<void> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < plan.sockets) {
      begun += 1;
      await openOne(begun);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

async function openOne(number: number): Promise<void> {
  for (let tried = 1; tried <= TRIES; tried += 1) {
    const how = await tryOne(number);
    if (how === "open") {
      count.open += 1;
      return;
    }
    if (how === "refused") break;
    count.again += 1;
  }
  count.refused += 1;
}

function tryOne(number: number): Promise<"open" | "refused" | "gone"> {
  const hostname = plan.hosts[number % plan.hosts.length] ?? "127.0.0.1";
  const upgrade =
    `GET /v1/ws HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${plan.keys[number % plan.keys.length]}\r\nconnection: Upgrade\r\n` +
    "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  return new Promise((resolve) => {
    Bun.connect<Client>({
      hostname,
      port: plan.port,
      data: { isOpen: false, isAsked: false },
      socket: handlers(upgrade, resolve),
    }).then(
      (socket) => clients.push(socket),
      () => resolve("gone"),
    );
  });
}

/** Each is asked once, and has a minute. */
async function askAll(): Promise<void> {
  count.answered = 0;
  let asked = 0;
  for (const socket of clients) {
    if (!socket.data.isOpen) continue;
    socket.data.isAsked = true;
    socket.write(ASK);
    asked += 1;
    if (asked % 500 === 0) await Bun.sleep(1);
  }
  for (let waited = 0; waited < PATIENCE_MS && count.answered < asked; waited += LOOK_EVERY_MS) {
    await Bun.sleep(LOOK_EVERY_MS);
  }
}

for await (const line of console) {
  if (line === "open") await openAll();
  if (line === "ask") await askAll();
  console.log(JSON.stringify(count satisfies IdleCount));
}
process.exit();

import type { Cancel, Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { UNSENT_BYTES } from "../core/limits.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { closeTooSlow, type KeySockets, type Socket } from "./outlet.ts";

/** How often all sockets are looked at. A revoked key is to end its sockets within a second. */
const LOOK_MS = 900;

export interface SocketTablePorts {
  readonly clock: Clock;
  readonly gateway: Gateway;
  /** A key's credential is no longer valid. */
  keyLost(key: KeySockets): void;
}

/** The open sockets of this node, by key, with one timer for all of them. */
export class SocketTable {
  readonly #ports: SocketTablePorts;
  readonly #keys = new Map<string, KeySockets>();
  #count = 0;
  #stopLooking: Cancel | undefined;

  constructor(ports: SocketTablePorts) {
    this.#ports = ports;
  }

  get count(): number {
    return this.#count;
  }

  /** What a new socket of the key is to carry. */
  keyOf(secret: string): KeySockets {
    return this.#keys.get(secret) ?? { secret, sockets: new Set() };
  }

  add(ws: Socket): void {
    const { key } = ws.data;
    const known = this.#keys.get(key.secret);
    // Two first sockets of one key can be upgraded at a time.
    if (known === undefined) this.#keys.set(key.secret, key);
    else ws.data.key = known;
    ws.data.key.sockets.add(ws);
    this.#count += 1;
    this.#stopLooking ??= this.#ports.clock.every(LOOK_MS, () => this.#look());
  }

  remove(ws: Socket): void {
    const { secret, sockets } = ws.data.key;
    if (!sockets.delete(ws)) return;
    this.#count -= 1;
    if (sockets.size === 0) this.#keys.delete(secret);
    if (this.#count > 0) return;
    this.#stopLooking?.();
    this.#stopLooking = undefined;
  }

  /** All open sockets at this moment. */
  all(): Socket[] {
    return [...this.#keys.values()].flatMap(({ sockets }) => [...sockets]);
  }

  #look(): void {
    for (const key of this.#keys.values()) {
      for (const ws of key.sockets) closeIfTooSlow(ws);
      void this.#checkKey(key);
    }
  }

  async #checkKey(key: KeySockets): Promise<void> {
    const [ws] = key.sockets;
    if (ws === undefined) return;
    try {
      await this.#ports.gateway.authenticate({ secret: key.secret, address: ws.remoteAddress }, "chat");
    } catch (thrown) {
      // Anything else (an unreachable database, an address) is no reason to end what runs.
      if (isInvalidKey(thrown)) this.#ports.keyLost(key);
    }
  }
}

const isInvalidKey = (thrown: unknown): boolean =>
  thrown instanceof SluiceError && thrown.code === "invalid_api_key";

/**
 * A blocked socket's streams stop being read, so that what the client does not take stays in their rings. It
 * is too slow when that is more than UNSENT_BYTES and Bun could not send what it holds since the last look.
 */
function closeIfTooSlow(ws: Socket): void {
  const { data } = ws;
  if (!data.isBlocked) return;
  if (!data.wasBlocked) data.wasBlocked = true;
  else if ((data.session?.unsentBytes ?? ws.getBufferedAmount()) > UNSENT_BYTES) closeTooSlow(ws);
}

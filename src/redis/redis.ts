/**
 * What all nodes share and may lose: tickets, the global limiter. Whoever uses it says what happens without it;
 * nothing here is the truth about money.
 */
export interface Redis {
  /** False while it is known to be away: a command would be refused at once. */
  isUp(): boolean;
  /**
   * One command on one key; replies of text come as bytes. Never repeated: when the reply is lost, it may have been
   * carried out.
   * @throws SluiceError `overloaded` when Redis is away, does not answer in time, or refuses the command
   */
  send(command: string, key: string, ...args: RedisValue[]): Promise<unknown>;
  /** Runs a script on one key, as `send`: one round trip, and one more where Redis does not know it yet. */
  run(script: RedisScript, key: string, ...args: RedisValue[]): Promise<unknown>;
  close(): Promise<void>;
}

export type RedisValue = string | number | Buffer;

export interface RedisScript {
  readonly lua: string;
  /** SHA-1 of the text, in hex: how Redis calls it. */
  readonly sha: string;
}

/** A script with the hash under which Redis keeps it. */
export function redisScript(lua: string): RedisScript {
  return { lua, sha: new Bun.CryptoHasher("sha1").update(lua).digest("hex") };
}

import { type Redis, redisScript } from "./redis.ts";

/** `qps` tokens a second, `burst` at most; any window of w seconds gives out at most burst + qps · w. */
export interface BucketSize {
  readonly qps: number;
  readonly burst: number;
}

export interface Draw {
  /** As many as were wanted, or what there was. */
  readonly granted: number;
  /** Whole tokens that are left. */
  readonly left: number;
  /** Milliseconds until there is a further one; 0 when there is. */
  readonly waitMs: number;
}

/**
 * The level is a fraction, kept with all its digits, at a time in microseconds; both are exact in a double. Rounding
 * must not cost a whole token (a tenth of a second at 10 a second), nor may it make one: what is granted is taken off
 * in full. A clock that goes back (another primary took over) gives nothing and takes nothing. A bucket that must be
 * full by now is forgotten.
 */
const DRAW = redisScript(`
local qps = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local want = tonumber(ARGV[3])
local now
if ARGV[4] then
  now = tonumber(ARGV[4])
else
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level = burst
if kept[1] and kept[2] then
  local passed = math.max(0, now - tonumber(kept[2]))
  level = math.min(burst, tonumber(kept[1]) + passed * qps / 1000000)
end
local granted = math.max(0, math.min(want, math.floor(level + 0.000000001)))
level = level - granted
redis.call('HSET', KEYS[1], 'level', string.format('%.17g', level), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((burst - level) * 1000 / qps) + 1000))
local wait = 0
if level < 1 then wait = math.ceil((1 - level) * 1000 / qps - 0.000001) end
return {granted, math.max(0, math.floor(level + 0.000000001)), wait}
`);

/**
 * Takes up to `want` tokens of the bucket that all nodes share, in one round trip.
 * @param atMicros the time instead of Redis' own: for tests and simulations
 * @throws SluiceError `overloaded` when Redis cannot be reached
 */
export async function drawTokens(
  redis: Redis,
  key: string,
  { qps, burst }: BucketSize,
  want: number,
  atMicros?: number,
): Promise<Draw> {
  const time = atMicros === undefined ? [] : [atMicros];
  const reply = await redis.run(DRAW, key, qps, burst, want, ...time);
  if (!Array.isArray(reply))
    throw new Error("Redis answered a draw with something else than its three numbers");
  const [granted, left, waitMs] = reply.map(Number);
  return { granted: granted ?? 0, left: left ?? 0, waitMs: waitMs ?? 0 };
}

/** Actors are placed by shard; few enough to lease each one, enough to spread over any cluster. */
export const SHARDS = 128;

/** FNV-1a over the kind and the key: the same on every node and in every version. */
export function shardOf(kind: string, key: string): number {
  let hash = 0x811c9dc5;
  for (const text of [kind, "\u0000", key]) {
    for (let index = 0; index < text.length; index += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    }
  }
  // FNV's low bits alone are weak for short keys; fold the high ones in.
  return ((hash ^ (hash >>> 15)) >>> 0) % SHARDS;
}

/** How many of all shards are among those that `owns` names. */
export function shardsOwned(owns: (shard: number) => boolean): number {
  let count = 0;
  for (let shard = 0; shard < SHARDS; shard += 1) if (owns(shard)) count += 1;
  return count;
}

import type { Begun } from "../takeover/resumed.ts";
import type { Ring } from "./ring.ts";

/**
 * What a stream has said, for whoever goes on with it, and what it delivered behind entry `paidUpTo`, for its price.
 * The ring must hold all of it.
 */
export function deliveredIn(ring: Ring, paidUpTo: number): Pick<Begun, "text" | "delivered"> {
  const texts: string[] = [];
  let isBeyondText = ring.firstSeq > 1;
  let frames = 0;
  let chars = 0;
  let reasoningChars = 0;
  const place = ring.placeAfter(ring.firstSeq - 1);
  for (let entry = place && ring.read(place); place && entry !== undefined; entry = ring.read(place)) {
    const { choice, text = "", reasoning = "", refusal = "", toolCalls = [] } = entry;
    if (choice !== 0 || refusal !== "" || toolCalls.length > 0) isBeyondText = true;
    texts.push(text);
    if (entry.seq <= paidUpTo) continue;
    frames += 1;
    reasoningChars += reasoning.length;
    chars += text.length + refusal.length;
    for (const { name = "", arguments: json } of toolCalls) chars += name.length + json.length;
  }
  return {
    text: isBeyondText ? undefined : texts.join(""),
    delivered: { frames, chars, reasoningChars },
  };
}

import type { Random } from "../../core/random.ts";

/** What a vendor may say that means harm, or nothing. */
const HOSTILE = [
  ...'\r \n \n\n \r\n\r\n \r\r \ufeff : { } [ ] " \\ null -1 1e400 0.5 4294967294 "3" \ud800 \\u0000'.split(
    " ",
  ),
  ...["data: [DONE]\n\n", ': sluice {"outcome":"completed","cost":"0"}\n\n', "id: 7\nretry: 1\n"],
  ...["event: message_stop\n", "event: response.completed\n", "event: error\n", "data:\n"],
  ...['"__proto__":{"index":1},', '"index":4294967294,', '"finishReason":"STOP",', '"type":"message_stop",'],
  ...['data: {"type":"message_stop"}\n\n', 'data: {"error":{"message":"no"}}\n\n', '"error":null,'],
];

/** A stream that is broken in one to four places: cut, repeated, put into another order, or with what nobody expects in it. */
export function mutated(random: Random, given: string): string {
  let text = given;
  const place = (): number => Math.floor(random.next() * (text.length + 1));
  for (let left = 1 + Math.floor(random.next() * 4); left > 0; left -= 1) {
    const [from = 0, to = 0] = [place(), place()].sort((a, b) => a - b);
    const frames = text.split("\n\n");
    const [one, other] = [place() % frames.length, place() % frames.length];
    switch (Math.floor(random.next() * 6)) {
      case 0:
        text = text.slice(0, from) + text.slice(to);
        break;
      case 1:
        text = text.slice(0, to) + text.slice(from);
        break;
      case 2:
        text = text.slice(0, from) + HOSTILE[place() % HOSTILE.length] + text.slice(from);
        break;
      case 3:
        text = frames.with(one, frames[other] ?? "").join("\n\n");
        break;
      case 4:
        text = frames.toSpliced(one, 1, frames[one] ?? "", frames[other] ?? "").join("\n\n");
        break;
      default: {
        // A value of another kind.
        let seen = 0;
        text = text.replaceAll(/(?<=:)(?:\d+|"[^"\\]*"|\{\}|null)/g, (value) =>
          seen++ === one ? (HOSTILE[12 + (other % 8)] ?? value) : value,
        );
      }
    }
  }
  return text;
}

/** The bytes as a network may bring them. */
export function pieces(random: Random, bytes: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + Math.floor(random.next() * 60);
    found.push(bytes.slice(at, end));
    at = end;
  }
  return found;
}

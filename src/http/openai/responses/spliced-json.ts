import { ownOf } from "../../../core/own-of.ts";

/**
 * The JSON text of an object with other values for some of its members; all that stands around them stays as it is.
 * @param json known to be valid
 * @param changes values as JSON text, by member; one that is not there is added at the end
 * @param inside the member that holds the object that is meant; absent: the outermost one
 */
export function spliced(json: string, changes: Readonly<Record<string, string>>, inside?: string): string {
  const start = json.indexOf("{");
  if (inside === undefined) return splicedAt(json, start, changes);
  for (const { name, at } of membersAt(json, start)) {
    if (name === inside) return splicedAt(json, at, changes);
  }
  return json;
}

function splicedAt(json: string, start: number, changes: Readonly<Record<string, string>>): string {
  const missing = new Map(Object.entries(changes));
  let text = "";
  let taken = 0;
  let close = start + 1;
  let isEmpty = true;
  for (const { name, at, end } of membersAt(json, start)) {
    close = end;
    isEmpty = false;
    const value = ownOf(changes, name);
    if (value === undefined) continue;
    missing.delete(name);
    text += json.slice(taken, at) + value;
    taken = end;
  }
  const added = [...missing].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",");
  if (added === "") return text + json.slice(taken);
  return `${text}${json.slice(taken, close)}${isEmpty ? "" : ","}${added}${json.slice(close)}`;
}

interface Member {
  readonly name: string;
  /** Where its value begins, and where it has ended. */
  readonly at: number;
  readonly end: number;
}

function* membersAt(json: string, start: number): Generator<Member, void> {
  for (let at = pastSpace(json, start + 1); json[at] === '"'; ) {
    const colon = pastString(json, at);
    const value = pastSpace(json, json.indexOf(":", colon) + 1);
    const end = pastValue(json, value);
    yield { name: JSON.parse(json.slice(at, colon)) as string, at: value, end }; // a string of valid JSON
    const comma = pastSpace(json, end);
    if (json[comma] !== ",") return;
    at = pastSpace(json, comma + 1);
  }
}

function pastSpace(json: string, start: number): number {
  let at = start;
  while (json[at] === " " || json[at] === "\n" || json[at] === "\r" || json[at] === "\t") at += 1;
  return at;
}

function pastString(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1); quote >= 0; quote = json.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (json[quote - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
  }
  return json.length;
}

function pastValue(json: string, start: number): number {
  let depth = 0;
  for (let at = start; at < json.length; ) {
    const sign = json[at];
    if (sign === '"') {
      at = pastString(json, at);
      if (depth === 0) return at;
      continue;
    }
    const isClosing = sign === "}" || sign === "]";
    // A number or a word ends where what holds it goes on or ends.
    if (depth === 0 && (isClosing || sign === "," || (at > start && pastSpace(json, at) > at))) return at;
    if (sign === "{" || sign === "[") depth += 1;
    if (isClosing) depth -= 1;
    at += 1;
    if (isClosing && depth === 0) return at;
  }
  return json.length;
}

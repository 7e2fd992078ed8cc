/** True when one of the patterns matches the whole text; `*` stands for any run of characters. */
export function matchesAny(patterns: readonly string[], text: string): boolean {
  for (const pattern of patterns) {
    if (pattern === "*" || pattern === text || matches(pattern, text)) return true;
  }
  return false;
}

/** Greedy with one backtracking point: linear in practice, no regular expression built from outside input. */
function matches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === "*") {
      star = p;
      resume = t;
      p += 1;
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      resume += 1;
      t = resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p += 1;
  return p === pattern.length;
}

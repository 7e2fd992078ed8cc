/**
 * One text in Prometheus' format out of those of several processes: samples of one metric must stand together, under
 * one `HELP` and `TYPE`. Samples are told apart by a label that each process gives its own.
 */
export function joinExpositions(texts: readonly string[]): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const text of texts) {
    let samples: string[] = [];
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const [, comment, name] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (comment === undefined || name === undefined) {
        samples.push(line);
        continue;
      }
      const family = families.get(name) ?? { head: [], samples: [] };
      families.set(name, family);
      // The first process to speak of it tells what it is.
      if (!family.head.some((known) => known.startsWith(`# ${comment} `))) family.head.push(line);
      samples = family.samples;
    }
  }
  return [...families.values()].map(({ head, samples }) => [...head, ...samples, ""].join("\n")).join("\n");
}

/** What a table says under a name from outside; nothing under what all objects have, such as `constructor`. */
export const ownOf = <Value>(
  table: Readonly<Record<string, Value>> | undefined,
  name: string | undefined,
): Value | undefined =>
  table !== undefined && name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;

/** An object in the making: fields that may be absent are set one by one, so that nothing is made for those that are. */
export type Writable<Finished> = { -readonly [Name in keyof Finished]: Finished[Name] };

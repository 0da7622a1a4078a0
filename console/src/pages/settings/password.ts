export const MIN_PASSWORD = 12;

/** Letters and digits that cannot be mistaken for one another. */
const SIGNS = "abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY346789";

/** A password that nobody can guess (about 113 bits): four groups of five signs. */
export function randomPassword(fill: (into: Uint32Array) => unknown = (into) => crypto.getRandomValues(into)): string {
  const pick = (): string => {
    const into = new Uint32Array(1);
    const limit = 2 ** 32 - (2 ** 32 % SIGNS.length);
    do fill(into);
    while ((into[0] ?? 0) >= limit);
    return SIGNS[(into[0] ?? 0) % SIGNS.length] ?? "a";
  };
  return Array.from({ length: 4 }, () => Array.from({ length: 5 }, pick).join("")).join("-");
}

import { describe, expect, it } from "vitest";
import { example, GROUPS, stateOf } from "./keys";
import { randomPassword } from "./password";

const NOW = Date.parse("2026-05-01T00:00:00Z");

describe("stateOf", () => {
  it.each([
    ["2026-09-01T00:00:00Z", false, "works"],
    ["2026-05-10T00:00:00Z", false, "soon"],
    ["2026-05-01T00:00:00Z", false, "expired"],
    ["2026-09-01T00:00:00Z", true, "revoked"],
  ] as const)("a key until %s, revoked %s: %s", (expires_at, revoked, state) => {
    expect(stateOf({ expires_at, revoked }, NOW)).toBe(state);
  });
});

describe("example", () => {
  it("asks for something that the key may read", () => {
    expect(example("http://x", "slk", ["analyse", "records:read"])).toContain("http://x/api/v1/records");
  });
  it("uploads with a key that may only do that", () => {
    expect(example("http://x", "slk", ["media:write"])).toContain("--data-binary");
  });
  it("asks who it is when nothing else can be asked", () => {
    expect(example("http://x", "slk", ["live"])).toContain("/auth/me");
  });
});

it("offers each right once", () => {
  const all = GROUPS.flat();
  expect(new Set(all).size).toBe(all.length);
  expect(all).toHaveLength(18);
});

describe("randomPassword", () => {
  it("is four groups of five signs that nobody confuses", () => {
    const made = randomPassword();
    expect(made).toMatch(/^[^-]{5}-[^-]{5}-[^-]{5}-[^-]{5}$/);
    expect(made).not.toMatch(/[lIO01]/);
  });
  it("throws away numbers that would make some signs likelier", () => {
    const given = [2 ** 32 - 1, ...Array(40).fill(0)];
    let at = 0;
    const made = randomPassword((into) => {
      into[0] = given[at++] ?? 0;
    });
    expect(at).toBe(21);
    expect(made).toBe("aaaaa-aaaaa-aaaaa-aaaaa");
  });
});

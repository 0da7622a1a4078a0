import { ActionIcon, CopyButton, Group, SegmentedControl, Tooltip } from "@mantine/core";
import { IconCheck, IconChevronRight, IconCopy } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import classes from "./JsonView.module.css";

/** Items of a list that are shown at first. */
const SHOWN = 50;

/** Raw JSON as a tree that opens or as text, and a button that copies it. */
export function JsonView({ value }: { value: unknown }) {
  const { t } = useTranslation();
  const [way, setWay] = useState<"tree" | "text">("tree");
  return (
    <div className={classes.frame}>
      <Group justify="space-between" p="xs" wrap="nowrap">
        <SegmentedControl
          size="xs"
          value={way}
          onChange={(next) => setWay(next as "tree" | "text")}
          aria-label={t("json.label")}
          data={[
            { value: "tree", label: t("json.tree") },
            { value: "text", label: t("json.text") },
          ]}
        />
        <CopyButton value={JSON.stringify(value, null, 2)}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? t("action.copied") : t("action.copy")}>
              <ActionIcon
                variant="subtle"
                color="gray"
                onClick={copy}
                aria-label={copied ? t("action.copied") : t("action.copy")}
              >
                {copied ? <IconCheck size={17} aria-hidden /> : <IconCopy size={17} aria-hidden />}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      </Group>
      <section className={classes.code} tabIndex={0} aria-label={t("json.label")}>
        {way === "text" ? (
          <pre className={classes.text}>{JSON.stringify(value, null, 2)}</pre>
        ) : (
          <Node name={null} value={value} depth={0} />
        )}
      </section>
    </div>
  );
}

function Node({ name, value, depth }: { name: string | null; value: unknown; depth: number }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(depth < 2);
  const [shown, setShown] = useState(SHOWN);
  const head = name === null ? null : <span className={classes.key}>{name}: </span>;
  if (typeof value !== "object" || value === null || isShort(value)) {
    return (
      <div className={classes.leaf}>
        {head}
        <span className={classes[typeof value] ?? classes.null}>
          {Array.isArray(value) ? inline(value) : JSON.stringify(value)}
        </span>
      </div>
    );
  }
  const entries = Object.entries(value);
  const list = Array.isArray(value);
  const children = (
    <>
      {entries.slice(0, shown).map(([key, inner]) => (
        <Node key={key} name={key} value={inner} depth={depth + 1} />
      ))}
      {entries.length > shown && (
        <button type="button" className={classes.more} onClick={() => setShown(shown + 200)}>
          {t("json.more", { count: Math.min(200, entries.length - shown) })}
        </button>
      )}
    </>
  );
  if (name === null) return children;
  return (
    <div>
      <button type="button" className={classes.toggle} aria-expanded={open} onClick={() => setOpen(!open)}>
        <IconChevronRight size={13} className={classes.arrow} aria-hidden />
        {head}
        <span className={classes.items}>
          {list ? t("json.items", { count: entries.length }) : open ? "" : `{${entries.length}}`}
        </span>
      </button>
      {open && <div className={classes.children}>{children}</div>}
    </div>
  );
}

/** Points and boxes stand on one line. */
function isShort(value: object): boolean {
  return Array.isArray(value) && value.length <= 4 && value.every((item) => typeof item === "number");
}

function inline(value: unknown[]): string {
  return `[${value.map((item) => (typeof item === "number" ? Math.round(item * 1000) / 1000 : item)).join(", ")}]`;
}

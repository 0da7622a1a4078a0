import { Button, Tabs, Text } from "@mantine/core";
import { type ReactNode, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Analysis, Media } from "~/api/types";
import { nameOf } from "~/components/inspect/facts";
import { Inspector } from "~/components/inspect/Inspector";
import { ObservationTable } from "~/components/inspect/ObservationTable";
import { JsonView } from "~/components/json/JsonView";
import { LayerSwitches } from "~/components/overlay/LayerSwitches";
import { AboutAnalysis } from "./AboutAnalysis";
import classes from "./result.module.css";
import type { Inspection } from "./useInspection";

interface Props {
  analysis: Analysis;
  media: Media;
  inspection: Inspection;
  /** What the JSON tab shows. */
  raw: unknown;
  stage: ReactNode;
  below?: ReactNode;
}

/** The picture with its layers at the left, what was found in words at the right; one below the other on a phone. */
export function ResultLayout({ analysis, media, inspection, raw, stage, below }: Props) {
  const { t } = useTranslation("analyse");
  const { t: tApp } = useTranslation("app");
  const side = useRef<HTMLElement>(null);
  const [tab, setTab] = useState<string | null>("findings");
  const { shapes, chosen, pointed, counts, layers, setLayers, choose, point } = inspection;
  const shape = shapes.find(({ key }) => key === chosen);
  return (
    <div className={classes.layout}>
      <div className={classes.left}>
        <LayerSwitches counts={counts} shown={layers} onChange={setLayers} />
        <div className={classes.stage} data-video={media.kind === "video"}>
          {stage}
        </div>
        {shape && (
          <div className={classes.chosen}>
            <Text size="sm" fw={600} truncate>
              {nameOf(shape.kind, shape.finding, tApp)}
            </Text>
            <Button
              size="compact-sm"
              variant="light"
              onClick={() => {
                setTab("findings");
                side.current?.scrollIntoView({ behavior: "smooth" });
              }}
            >
              {t("details")}
            </Button>
          </div>
        )}
        {below}
      </div>
      <aside ref={side} className={classes.side} aria-label={t("side")}>
        <Tabs value={tab} onChange={setTab} className={classes.tabs} keepMounted={false}>
          <Tabs.List px="xs">
            <Tabs.Tab value="findings">{t("tab.findings")}</Tabs.Tab>
            <Tabs.Tab value="json">{t("tab.json")}</Tabs.Tab>
            <Tabs.Tab value="about">{t("tab.about")}</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="findings" tabIndex={0} className={classes.panel}>
            {shape && <Inspector shape={shape} onClose={() => choose(null)} />}
            <ObservationTable shapes={shapes} chosen={chosen} pointed={pointed} onChoose={choose} onPoint={point} />
          </Tabs.Panel>
          <Tabs.Panel value="json" className={classes.panel}>
            <JsonView value={raw} />
          </Tabs.Panel>
          <Tabs.Panel value="about" tabIndex={0} className={classes.panel}>
            <AboutAnalysis analysis={analysis} media={media} />
          </Tabs.Panel>
        </Tabs>
      </aside>
    </div>
  );
}

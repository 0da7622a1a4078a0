import { Tabs } from "@mantine/core";
import { IconAdjustments, IconInfoCircle, IconKey, IconUserCircle, IconUsers, IconVideo } from "@tabler/icons-react";
import { type ComponentType, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, useNavigate, useParams } from "react-router";
import { useMe } from "~/api/session";
import type { Permission } from "~/api/types";
import { PageBody } from "~/components/PageBody";
import { AboutTab } from "./AboutTab";
import { AccountTab } from "./AccountTab";
import { KeysTab } from "./KeysTab";
import { LimitsTab } from "./LimitsTab";
import { SourcesTab } from "./SourcesTab";
import classes from "./settings.module.css";
import { UsersTab } from "./UsersTab";

interface Tab {
  id: string;
  icon: typeof IconKey;
  permission: Permission;
  Content: ComponentType;
}

const TABS: readonly Tab[] = [
  { id: "account", icon: IconUserCircle, permission: "self", Content: AccountTab },
  { id: "sources", icon: IconVideo, permission: "sources:read", Content: SourcesTab },
  { id: "users", icon: IconUsers, permission: "users:manage", Content: UsersTab },
  { id: "keys", icon: IconKey, permission: "self", Content: KeysTab },
  { id: "limits", icon: IconAdjustments, permission: "settings:read", Content: LimitsTab },
  { id: "about", icon: IconInfoCircle, permission: "settings:read", Content: AboutTab },
];

/** Everything that can be set, each tab for those who may see it. */
export function SettingsPage() {
  const { t } = useTranslation("settings");
  const { permissions } = useMe();
  const { tab } = useParams();
  const go = useNavigate();
  const tabs = TABS.filter(({ permission }) => permissions.includes(permission));
  const shown = tabs.find(({ id }) => id === tab);
  const list = useRef<HTMLDivElement>(null);
  // On a phone the tabs are wider than the window.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab comes into view
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [tab]);
  if (!shown) return <Navigate to={`/settings/${tabs[0]?.id ?? ""}`} replace />;
  return (
    <PageBody title={t("title")} width="reading">
      <Tabs value={shown.id} onChange={(id) => id && void go(`/settings/${id}`)} keepMounted={false}>
        <Tabs.List ref={list} className={classes.tabs} aria-label={t("title")}>
          {tabs.map(({ id, icon: Icon }) => (
            <Tabs.Tab key={id} value={id} leftSection={<Icon size={17} stroke={1.7} aria-hidden />}>
              {t(`tab.${id}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map(({ id, Content }) => (
          <Tabs.Panel key={id} value={id} pt="lg">
            <Content />
          </Tabs.Panel>
        ))}
      </Tabs>
    </PageBody>
  );
}

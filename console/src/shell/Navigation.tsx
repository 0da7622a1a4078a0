import { useTranslation } from "react-i18next";
import { NavLink } from "react-router";
import { useMe } from "~/api/session";
import { PAGES } from "~/pages";
import type { Page } from "~/pages/page";
import classes from "./Shell.module.css";

const GROUPS: readonly Page["group"][] = ["work", "people", "system"];

/** Links to the pages that one may see. */
export function Navigation() {
  const { t } = useTranslation();
  const { permissions } = useMe();
  const seen = PAGES.filter((page) => page.permission === null || permissions.includes(page.permission));
  return (
    <nav aria-label={t("nav.label")}>
      {GROUPS.map((group) => {
        const pages = seen.filter((page) => page.group === group);
        if (pages.length === 0) return null;
        return (
          <section key={group} aria-labelledby={group === "work" ? undefined : `nav-${group}`}>
            {group !== "work" && (
              <div id={`nav-${group}`} className={classes.group}>
                {t(`nav.${group}`)}
              </div>
            )}
            <ul className={classes.list}>
              {pages.map(({ id, path, icon: Icon }) => (
                <li key={id}>
                  <NavLink to={path} className={classes.link}>
                    <Icon size={19} stroke={1.7} aria-hidden />
                    {t("title", { ns: id })}
                  </NavLink>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </nav>
  );
}

import { AppShell, Burger, Center, Group, Loader } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Suspense, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Link, Outlet, useLocation } from "react-router";
import { useJobEvents } from "~/api/jobEvents";
import { useMay } from "~/api/session";
import { Logo } from "~/components/Logo";
import { UploadLayer } from "~/uploads/UploadLayer";
import { LanguageMenu, SchemeMenu, UserMenu } from "./menus";
import { Navigation } from "./Navigation";
import classes from "./Shell.module.css";

/** Header, navigation and page; uploads work on every page. */
export function Shell() {
  const { t } = useTranslation();
  const [open, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  useJobEvents(useMay("jobs:read"));

  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new address moves the focus to its page
  useEffect(() => {
    close();
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [pathname]);

  return (
    <>
      <a href="#main" className="skip-link">
        {t("skip")}
      </a>
      <AppShell
        header={{ height: 52 }}
        navbar={{ width: { base: "100%", xs: 260, sm: 208, xl: 232 }, breakpoint: "sm", collapsed: { mobile: !open } }}
        padding={0}
      >
        <AppShell.Header className={classes.header}>
          <Group gap="xs" wrap="nowrap">
            <Burger
              hiddenFrom="sm"
              size="sm"
              opened={open}
              onClick={toggle}
              aria-label={open ? t("nav.close") : t("nav.open")}
              aria-expanded={open}
            />
            <Link to="/" className={classes.brand}>
              <Logo />
              {t("product")}
            </Link>
          </Group>
          <Group gap={4} wrap="nowrap">
            <LanguageMenu />
            <SchemeMenu />
            <UserMenu />
          </Group>
        </AppShell.Header>
        <AppShell.Navbar className={classes.navbar} data-closed={!open}>
          <Navigation />
        </AppShell.Navbar>
        <AppShell.Main id="main" ref={main} tabIndex={-1} className={classes.main}>
          <Suspense
            fallback={
              <Center h="60vh">
                <Loader />
              </Center>
            }
          >
            <Outlet />
          </Suspense>
        </AppShell.Main>
      </AppShell>
      <UploadLayer />
    </>
  );
}

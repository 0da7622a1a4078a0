import {
  Alert,
  Card,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  Menu,
  Modal,
  Paper,
  Table,
  Tooltip,
} from "@mantine/core";

const lake: MantineColorsTuple = [
  "#e8f5fa",
  "#cfe7f1",
  "#a1d0e4",
  "#70b8d6",
  "#479fc5",
  "#2a89b3",
  "#177aa5",
  "#0f6e95",
  "#0a5b7d",
  "#074863",
];

/** A red on which white words can be read. */
const red: MantineColorsTuple = [
  "#fdecea",
  "#fbd5d1",
  "#f5aba3",
  "#ee7f74",
  "#e75a4c",
  "#dd3f30",
  "#c92d1f",
  "#b42318",
  "#941b12",
  "#75140d",
];

const dark: MantineColorsTuple = [
  "#e4e8ed",
  "#c4cad3",
  "#9ea7b3",
  "#778290",
  "#414b57",
  "#2b333d",
  "#1a1f26",
  "#12161b",
  "#0d1014",
  "#090b0e",
];

/** Colours, sizes and habits that every page shares. */
export const theme = createTheme({
  colors: { lake, red, dark },
  primaryColor: "lake",
  primaryShade: { light: 7, dark: 7 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Consolas, "DejaVu Sans Mono", monospace',
  headings: {
    fontWeight: "650",
    sizes: {
      h1: { fontSize: "1.5rem", lineHeight: "1.25" },
      h2: { fontSize: "1.125rem", lineHeight: "1.35" },
      h3: { fontSize: "0.9375rem", lineHeight: "1.4" },
    },
  },
  breakpoints: { xs: "30em", sm: "48em", md: "64em", lg: "80em", xl: "100em" },
  components: {
    // Calm grounds; the colour is in the sign and the edge, the words keep full contrast.
    Alert: Alert.extend({
      styles: {
        root: {
          background: "color-mix(in srgb, var(--alert-color) 7%, var(--app-surface))",
          borderColor: "color-mix(in srgb, var(--alert-color) 45%, var(--app-line))",
        },
        title: { color: "var(--mantine-color-text)" },
      },
    }),
    Card: Card.extend({ defaultProps: { withBorder: true, padding: "md" } }),
    Paper: Paper.extend({ defaultProps: { withBorder: true } }),
    // The placeholder is no menu item, which a menu must not hold.
    Menu: Menu.extend({ defaultProps: { withInitialFocusPlaceholder: false } }),
    Modal: Modal.extend({
      defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.5, blur: 2 } },
      styles: { title: { fontWeight: 650, fontSize: "1.125rem" } },
    }),
    Table: Table.extend({ defaultProps: { verticalSpacing: 6, horizontalSpacing: "sm" } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 350, withArrow: true } }),
  },
});

/** Text colours that keep WCAG AA on both grounds, and the grounds themselves. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#56606d",
    "--mantine-color-placeholder": "#69737f",
    "--mantine-color-error": "#b42318",
    "--mantine-color-anchor": "#0f6e95",
    "--mantine-color-default-border": "#d9dee5",
    "--app-ground": "#f5f7f9",
    "--app-surface": "#ffffff",
    "--app-line": "#e3e7ec",
    "--app-stage": "#e9edf1",
    "--app-good": "#116b3f",
    "--app-warn": "#8a5300",
    "--app-bad": "#b42318",
    "--app-track": "#e3e8ed",
    "--app-mark": "#0f6e95",
  },
  dark: {
    "--mantine-color-dimmed": "#9ea7b3",
    "--mantine-color-placeholder": "#8a94a1",
    "--mantine-color-error": "#ff9d92",
    "--mantine-color-anchor": "#70b8d6",
    "--mantine-color-default-border": "#333c47",
    "--app-ground": "#12161b",
    "--app-surface": "#1a1f26",
    "--app-line": "#2b333d",
    "--app-stage": "#0d1014",
    "--app-good": "#67d29b",
    "--app-warn": "#f0b452",
    "--app-bad": "#ff9d92",
    "--app-track": "#2b333d",
    "--app-mark": "#70b8d6",
  },
});

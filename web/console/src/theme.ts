/**
 * Colours, type and density of the console.
 *
 * Mantine's defaults miss WCAG AA in places: its dimmed text is too light, and filled controls at shade 6 are
 * too pale for white text. So `primaryShade` is 8, dimmed is an own colour in both schemes, and the text shades
 * of the light and outline variants are set here, once. Semantic colours (`--lc-…`) have names for what they
 * say (added, taken, held), never for what they look like; styles.css uses only those.
 */
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

const iris: MantineColorsTuple = [
  '#eef1fd', '#dde3fb', '#bcc7f6', '#9aa9f0', '#7d8fea', '#6679e0', '#5366d4', '#4556c2', '#3a49ad', '#2f3b8f',
] // biome-ignore format: one ramp, one line

const gray: MantineColorsTuple = [
  '#f6f7f9', '#eef0f4', '#e3e6ec', '#d3d8e0', '#b9c0cc', '#949dac', '#6f798a', '#525c6d', '#384252', '#1b2330',
] // biome-ignore format: one ramp, one line

const dark: MantineColorsTuple = [
  '#e4e8ef', '#c2c9d6', '#a4adbd', '#848fa1', '#475163', '#343c4b', '#252c38', '#161b24', '#11151c', '#0c0f15',
] // biome-ignore format: one ramp, one line

export const theme = createTheme({
  colors: { iris, gray, dark },
  primaryColor: 'iris',
  primaryShade: 8,
  autoContrast: false,
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily:
    "'Inter var', Inter, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
  fontFamilyMonospace:
    "ui-monospace, 'SF Mono', SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace",
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  lineHeights: { xs: '1.35', sm: '1.4', md: '1.45', lg: '1.5', xl: '1.5' },
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '12px', xl: '16px' },
  headings: {
    fontWeight: '650',
    sizes: {
      h1: { fontSize: '1.375rem', lineHeight: '1.3' },
      h2: { fontSize: '1rem', lineHeight: '1.4' },
      h3: { fontSize: '0.875rem', lineHeight: '1.4' },
    },
  },
  components: {
    Modal: { defaultProps: { centered: true, radius: 'lg' } },
  },
})

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#f6f7f9',
    '--mantine-color-text': '#1b2330',
    '--mantine-color-dimmed': '#525c6d',
    '--mantine-color-placeholder': '#626d7f',
    '--mantine-color-default-border': '#d3d8e0',
    '--mantine-color-error': '#b3261e',
    '--mantine-color-iris-light-color': '#2f3b8f',
    '--mantine-color-anchor': '#3a49ad',
    '--lc-surface': '#ffffff',
    '--lc-raised': '#ffffff',
    '--lc-line': '#e3e6ec',
    '--lc-hover': '#f6f7fb',
    '--lc-selected': '#eef1fd',
    '--lc-added': '#15703f',
    '--lc-added-soft': '#e3f5ea',
    '--lc-taken': '#b3261e',
    '--lc-taken-soft': '#fdeceb',
    '--lc-held': '#8a5300',
    '--lc-held-soft': '#fdf1dc',
    '--lc-pending': '#eef1fd',
    '--lc-flash': '#fff3c4',
    '--lc-accent': '#3a49ad',
    '--lc-shadow': '0 1px 2px rgb(27 35 48 / 6%)',
  },
  dark: {
    '--mantine-color-body': '#11151c',
    '--mantine-color-text': '#e4e8ef',
    '--mantine-color-dimmed': '#a4adbd',
    '--mantine-color-placeholder': '#98a2b3',
    '--mantine-color-default': '#1d232e',
    '--mantine-color-default-border': '#343c4b',
    '--mantine-color-error': '#ff9a94',
    '--mantine-color-iris-light-color': '#bcc7f6',
    '--mantine-color-anchor': '#9aa9f0',
    '--lc-surface': '#161b24',
    '--lc-raised': '#1d232e',
    '--lc-line': '#262d3a',
    '--lc-hover': '#1b212c',
    '--lc-selected': '#1f2742',
    '--lc-added': '#6fd39a',
    '--lc-added-soft': '#15301f',
    '--lc-taken': '#ff9a94',
    '--lc-taken-soft': '#3a1a1a',
    '--lc-held': '#f0bd6b',
    '--lc-held-soft': '#35270f',
    '--lc-pending': '#1f2742',
    '--lc-flash': '#4a3d12',
    '--lc-accent': '#9aa9f0',
    '--lc-shadow': 'none',
  },
})

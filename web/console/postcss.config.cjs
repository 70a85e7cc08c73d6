// Mantine's own breakpoints and mixins, as its guide for Vite says.
module.exports = {
  plugins: {
    'postcss-preset-mantine': {},
  },
}
